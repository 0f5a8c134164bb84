//! What exported spans say of messages: the hop at which a trace breaks.

mod evidence;
pub(crate) mod failure_mode;
mod file;
mod finding;
mod hops;
mod index;
mod jaeger;
mod names;
mod origin;
mod read;
mod span;
mod wanted;

#[cfg(test)]
mod tests;

pub(crate) use origin::SpansFrom;

use crate::error::Error;
use crate::message::{Place, System};
use crate::report::{Finding, Hops};
use index::Index;
use indicatif::ProgressBar;
use jaeger::{Client, query};
use opentelemetry::{SpanId, TraceId};
use read::Ending;
use wanted::Wanted;

/// A message whose context is joined with the spans.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) destination: String,
    /// The report's name of the destination, if that is another: a subject of NATS may have an id in it.
    pub(crate) name: Option<String>,
    /// The report's name of its producer.
    pub(crate) producer: String,
    pub(crate) place: Place,
    /// The id that its producer gave it.
    pub(crate) id: Option<String>,
    /// The ids, and whether the context is sampled. `None` without a valid context.
    pub(crate) context: Option<(TraceId, SpanId, bool)>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) hops: Hops,
    /// The most severe first.
    pub(crate) findings: Vec<Finding>,
}

impl Sent {
    /// The report's name of its destination.
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.destination)
    }

    /// The ids of its context, as spans are looked up.
    fn ids(&self) -> Option<(u128, u64)> {
        let (trace, span, _) = self.context?;
        let trace = u128::from_be_bytes(trace.to_bytes());
        Some((trace, u64::from_be_bytes(span.to_bytes())))
    }
}

/// The environment variable with a token for Jaeger.
const TOKEN: &str = "OTEL_MESSAGING_SPANS_TOKEN";

/// Tells, before there are messages, what cannot be read. Jaeger is asked for its services.
pub(crate) async fn can_be_read(from: &SpansFrom) -> Result<(), Error> {
    let can = match from {
        SpansFrom::Stdin => Ok(()),
        SpansFrom::File(path) => file::can_be_read(path),
        SpansFrom::Jaeger(address) => match Client::new(address, std::env::var(TOKEN).ok()) {
            Ok(client) => client.services().await.map(|_| ()),
            Err(error) => Err(error),
        },
    };
    can.map_err(of_option)
}

/// Names the option too.
fn of_option(error: Error) -> Error {
    Error::new(format_args!("--spans {error}"))
}

/// Reads the spans and joins the messages with them.
///
/// Files and standard input are read by a thread that goes on to their end, even if this future is dropped.
pub(crate) async fn join(
    from: &SpansFrom,
    sent: &[Sent],
    system: System,
    progress: &ProgressBar,
) -> Result<Joined, Error> {
    let joined = join_with_token(from, sent, system, progress, std::env::var(TOKEN).ok()).await;
    joined.map_err(of_option)
}

async fn join_with_token(
    from: &SpansFrom,
    sent: &[Sent],
    system: System,
    progress: &ProgressBar,
    token: Option<String>,
) -> Result<Joined, Error> {
    let mut index = Index::new(Wanted::new(sent, system));
    let mut notes = Vec::new();
    let mut asked = None;
    if let SpansFrom::Jaeger(address) = from {
        let client = Client::new(address, token)?;
        let queried = query(&client, &mut index, sent, system, progress).await?;
        notes = queried.notes;
        asked = Some(queried.traces);
    } else {
        let (name, bar) = (from.clone(), progress.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let ending = match &name {
                SpansFrom::File(path) => file::read_file(path, &mut index, &bar),
                _ => file::read_from(std::io::stdin().lock(), &name, &mut index),
            };
            ending.map(|ending| (ending, index))
        });
        let read = reading.await;
        let ending;
        (ending, index) = read.map_err(|error| Error::new(format_args!("{from}: {error}")))??;
        if ending == Ending::CutOff {
            notes.push("its last object is cut off".to_owned());
        }
    }
    if index.is_full {
        notes.push("more spans than are kept; the last of them are left out".to_owned());
    }
    index.sort();
    // What Jaeger was not asked for is not missing.
    let is_asked = |message: &Sent| match (&asked, message.context) {
        (Some(asked), Some((trace, ..))) => asked.contains(&trace),
        _ => true,
    };
    let mut joined = hops::join(&index, sent, is_asked, from.to_string());
    if !notes.is_empty() {
        let note = format!("The spans from {from}: {}.", notes.join("; "));
        joined.hops.notes.push(note);
    }
    Ok(joined)
}
