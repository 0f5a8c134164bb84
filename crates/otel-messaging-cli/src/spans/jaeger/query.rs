//! What is asked of Jaeger: the traces of the messages, and consumers that have traces of their own.

use super::client::{Answer, Client};
use crate::error::Error;
use crate::message::System;
use crate::spans::Sent;
use crate::spans::evidence::Evidence;
use crate::spans::index::Index;
use crate::spans::read::read;
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use opentelemetry::TraceId;
use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Traces that are asked for.
const MOST_TRACES: usize = 1_000;
/// Requests at a time.
const AT_A_TIME: usize = 8;
/// Searches for consumers' spans, and traces that each may give.
const MOST_SEARCHES: usize = 500;
const TRACES_OF_SEARCH: usize = 100;

/// What was asked for.
pub(crate) struct Queried {
    /// The traces that Jaeger was asked for, and that were not too large.
    pub(crate) traces: HashSet<TraceId>,
    /// What a reader has to know of it.
    pub(crate) notes: Vec<String>,
}

/// Asks for the traces of the messages, and for consumers where those show none.
pub(crate) async fn query(
    client: &Client,
    index: &mut Index,
    sent: &[Sent],
    system: System,
    progress: &ProgressBar,
) -> Result<Queried, Error> {
    let services = client.services().await?;
    // An answer without spans is one of Jaeger too.
    index.is_recognised = true;
    let (mut traces, all) = distinct(sent);
    let mut notes = Vec::new();
    if traces.len() < all {
        notes.push(format!("{} of {all} traces", traces.len()));
    }
    progress.set_position(0);
    progress.set_length(traces.len() as u64);
    let ids: Vec<TraceId> = traces.iter().copied().collect();
    let mut answers = stream::iter(ids)
        .map(async |trace| {
            let answer = client.get(&["traces", &trace.to_string()], &[]).await;
            answer.map(|answer| (trace, answer))
        })
        .buffer_unordered(AT_A_TIME);
    let mut too_long = 0;
    while let Some((trace, answer)) = answers.try_next().await? {
        progress.inc(1);
        match answer {
            Answer::Body(body) => take(client, &body, index)?,
            Answer::Missing => {}
            Answer::TooLong => {
                too_long += 1;
                traces.remove(&trace);
            }
        }
    }
    drop(answers);
    if too_long > 0 {
        notes.push(format!("{too_long} traces left out because of their size"));
    }
    index.sort();
    let searches = searches(index, sent, &traces, &services, system);
    if let Err(error) = search(client, index, searches, progress).await {
        notes.push(format!("the search for other consumers failed: {error}"));
    }
    Ok(Queried { traces, notes })
}

/// The traces to ask for, and how many there are. Those that are sampled go first: the others are rarely there.
fn distinct(sent: &[Sent]) -> (HashSet<TraceId>, usize) {
    let mut all = HashSet::new();
    let mut asked = HashSet::new();
    for wants_sampled in [true, false] {
        for message in sent {
            if let Some((trace, _, is_sampled)) = message.context
                && is_sampled == wants_sampled
                && all.insert(trace)
                && asked.len() < MOST_TRACES
            {
                asked.insert(trace);
            }
        }
    }
    (asked, all.len())
}

fn take(client: &Client, body: &[u8], index: &mut Index) -> Result<(), Error> {
    let ending = read(body, index).map_err(|failure| client.error(failure))?;
    match ending {
        crate::spans::read::Ending::Whole => Ok(()),
        crate::spans::read::Ending::CutOff => Err(client.error("an answer is cut off")),
    }
}

/// The queries for spans of consumers: by each service, and by the attributes of the destinations whose messages show
/// no consumer. RabbitMQ's conventions put more than the destination in its name, so its spans are searched by system.
fn searches(
    index: &Index,
    sent: &[Sent],
    traces: &HashSet<TraceId>,
    services: &[String],
    system: System,
) -> Vec<Vec<(&'static str, String)>> {
    let evidence = Evidence::new(index);
    let mut tags: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    for (position, message) in sent.iter().enumerate() {
        let is_asked = message
            .context
            .is_some_and(|(trace, _, is_sampled)| is_sampled && traces.contains(&trace));
        if !is_asked
            || seen.contains(message.destination.as_str())
            || !evidence.consumers(position, message).is_empty()
        {
            continue;
        }
        seen.insert(message.destination.as_str());
        let (names, value) = match system {
            System::RabbitMq => (["messaging.system", "messaging.system.name"], "rabbitmq"),
            System::Kafka | System::Nats => (
                ["messaging.destination.name", "messaging.destination"],
                message.destination.as_str(),
            ),
        };
        for name in names {
            let tag = serde_json::json!({ name: value }).to_string();
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
    }
    let (start, end) = window(index.began);
    let searches = tags.iter().flat_map(|tag| {
        services.iter().map(move |service| {
            vec![
                ("service", service.clone()),
                ("tags", tag.clone()),
                ("limit", TRACES_OF_SEARCH.to_string()),
                ("start", start.to_string()),
                ("end", end.to_string()),
            ]
        })
    });
    searches.take(MOST_SEARCHES).collect()
}

/// From an hour before the messages' first span to a day after the last, or the two days that Jaeger itself takes. In
/// microseconds since 1970.
fn window(began: Option<(i64, i64)>) -> (i64, i64) {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    let hour = micros(Duration::from_secs(3600));
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = micros(now.unwrap_or_default());
    match began {
        Some((first, last)) => (
            first.saturating_sub(hour),
            last.saturating_add(hour.saturating_mul(24)).min(now),
        ),
        None => (now.saturating_sub(hour.saturating_mul(48)), now),
    }
}

async fn search(
    client: &Client,
    index: &mut Index,
    searches: Vec<Vec<(&'static str, String)>>,
    progress: &ProgressBar,
) -> Result<(), Error> {
    progress.inc_length(searches.len() as u64);
    let mut answers = stream::iter(searches)
        .map(async |query| client.get(&["traces"], &query).await)
        .buffer_unordered(AT_A_TIME);
    while let Some(answer) = answers.try_next().await? {
        progress.inc(1);
        if let Answer::Body(body) = answer {
            take(client, &body, index)?;
        }
    }
    Ok(())
}
