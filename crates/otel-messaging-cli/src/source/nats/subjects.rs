//! What is published while the doctor listens. It is in no queue group, so every member of one still gets its
//! share.

use crate::error::Error;
use crate::message::Place;
use crate::report::End;
use crate::source::bounds::From;
use crate::source::listening;
use crate::source::nats::connection::Connection;
use crate::source::nats::message::seen;
use crate::source::scan::Scan;
use futures_util::StreamExt;
use futures_util::stream::select_all;
use std::collections::BTreeSet;
use std::time::Instant;
use tokio::time::timeout;

pub(crate) async fn look(
    connection: &Connection,
    subjects: &[String],
    scan: &mut Scan,
) -> Result<End, Error> {
    if matches!(scan.bounds.from, From::Time(_)) {
        return Err(Error::new(
            "--since cannot be used with --subject alone: NATS keeps no messages without a stream, so the doctor \
             sees those that come while it listens; use --for, or --stream",
        ));
    }
    let subjects: BTreeSet<&str> = subjects.iter().map(String::as_str).collect();
    let subjects: Vec<&str> = subjects.into_iter().collect();
    let mut subscriptions = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        let subscribed = connection.client.subscribe((*subject).to_owned()).await;
        let subscribed = subscribed.map_err(|error| {
            Error::new(format_args!(
                "--subject {subject} cannot be listened on: {error}"
            ))
        })?;
        subscriptions.push(subscribed.map(move |message| (index, message)));
    }
    let until = Instant::now() + listening::time(&scan.bounds);
    let mut messages = select_all(subscriptions);
    let mut count = 0;
    let end = loop {
        let left = until.saturating_duration_since(Instant::now());
        // A refusal comes on the side, and there is no message then.
        let turn = left.min(std::time::Duration::from_millis(250));
        if let Some(refused) = connection.events().refused {
            return Err(Error::new(format_args!(
                "NATS at {} refuses: {refused}: grant this user to subscribe to the subject",
                connection.address
            )));
        }
        if left.is_zero() {
            break End::Time;
        }
        match timeout(turn, messages.next()).await {
            Err(_) => {}
            Ok(None) => {
                return Err(Error::new(format_args!(
                    "NATS at {} ended the subscriptions",
                    connection.address
                )));
            }
            Ok(Some((index, message))) => {
                // A message comes once for each pattern that it matches.
                let subject = message.subject.as_str();
                let mut others = subjects.iter().take(index);
                if others.any(|pattern| matches(pattern, subject)) {
                    continue;
                }
                count += 1;
                let headers = message.headers.as_ref();
                if let Some(end) = seen(subject, Place::Nth(count), headers, &message.payload, scan)
                {
                    break end;
                }
            }
        }
    };
    let events = connection.events();
    if events.dropped > 0 {
        scan.notes.push(format!(
            "at least {} messages came faster than the doctor could read, and were not looked at",
            events.dropped
        ));
    }
    if events.disconnected > 0 {
        scan.notes.push(format!(
            "the connection was lost {} times; what was published meanwhile was not looked at",
            events.disconnected
        ));
    }
    Ok(end)
}

/// Whether a subject matches a pattern: `*` is one part of it, and `>` all that are left.
fn matches(pattern: &str, subject: &str) -> bool {
    let mut parts = subject.split('.');
    for token in pattern.split('.') {
        match (token, parts.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (token, Some(part)) if token == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_on_the_server() {
        for (pattern, subject, expected) in [
            ("orders", "orders", true),
            ("orders", "orders.new", false),
            ("orders.*", "orders.new", true),
            ("orders.*", "orders", false),
            ("orders.*", "orders.new.eu", false),
            ("orders.>", "orders.new.eu", true),
            ("orders.>", "orders", false),
            ("*.new", "orders.new", true),
            (">", "orders", true),
        ] {
            assert_eq!(matches(pattern, subject), expected, "{pattern} {subject}");
        }
    }
}
