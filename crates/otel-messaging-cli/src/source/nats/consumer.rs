//! Reading a stream with limits by an ordered consumer: it is of the doctor's own, acknowledges nothing, and goes
//! when the look ends.

use crate::error::Error;
use crate::message::Place;
use crate::report::End;
use crate::source::bounds::From;
use crate::source::nats::connection::Connection;
use crate::source::nats::message::seen;
use crate::source::scan::Scan;
use async_nats::datetime::from_nanos;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy};
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt;
use std::time::{Duration, Instant, SystemTime};
use tokio::time::timeout;

/// How long the server may send nothing of what it has.
const SILENCE: Duration = Duration::from_secs(15);

pub(crate) async fn look(
    connection: &Connection,
    stream: &Stream,
    subjects: &[String],
    scan: &mut Scan,
) -> Result<End, Error> {
    let last = stream.cached_info().state.last_sequence;
    let reader = Reader {
        connection,
        stream,
        subjects,
    };
    let from = match scan.bounds.from {
        From::Last(count) => DeliverPolicy::ByStartSequence {
            start_sequence: reader.start_of_last(count).await?,
        },
        From::Time(time) => DeliverPolicy::ByStartTime {
            start_time: from_nanos(nanoseconds(time))
                .map_err(|error| Error::new(format_args!("--since is out of range: {error}")))?,
        },
    };
    let consumer = reader.consumer(from).await?;
    let info = consumer.cached_info();
    let (name, pending) = (info.name.clone(), info.num_pending);
    scan.progress.set_length(pending.min(scan.bounds.max));
    let end = if pending == 0 && scan.bounds.listen_for.is_none() {
        End::Complete
    } else {
        let messages = consumer.messages().await;
        let mut messages = messages.map_err(|error| connection.failure(&error))?;
        reader.read(&mut messages, pending, last, scan).await?
    };
    // The server forgets it anyway, a while later.
    let _ = stream.delete_consumer(&name).await;
    Ok(end)
}

struct Reader<'a> {
    connection: &'a Connection,
    stream: &'a Stream,
    subjects: &'a [String],
}

impl Reader<'_> {
    async fn consumer(&self, from: DeliverPolicy) -> Result<Consumer<OrderedConfig>, Error> {
        let config = OrderedConfig {
            description: Some("otel-messaging doctor".to_owned()),
            deliver_policy: from,
            filter_subjects: self.subjects.to_vec(),
            ..OrderedConfig::default()
        };
        let created = self.stream.create_consumer(config).await;
        created.map_err(|error| self.connection.failure(&error))
    }

    /// Where the last so many messages begin, of those that the filter lets through.
    ///
    /// Without a filter and without gaps that is arithmetic. Otherwise the server counts: what is pending for a
    /// consumer falls with the sequence at which it begins.
    async fn start_of_last(&self, count: u64) -> Result<u64, Error> {
        let state = &self.stream.cached_info().state;
        let (first, end) = (state.first_sequence, state.last_sequence + 1);
        let span = end.saturating_sub(first);
        if self.subjects.is_empty() && span == state.messages {
            return Ok(end.saturating_sub(count).max(first).max(1));
        }
        let (mut low, mut high) = (first.max(1), end.max(1));
        if self.pending_from(low).await? <= count {
            return Ok(low);
        }
        // More than asked for are pending from `low`, and no more than that from `high`.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.pending_from(middle).await? > count {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(high)
    }

    async fn pending_from(&self, start_sequence: u64) -> Result<u64, Error> {
        let from = DeliverPolicy::ByStartSequence { start_sequence };
        let consumer = self.consumer(from).await?;
        let info = consumer.cached_info();
        let _ = self.stream.delete_consumer(&info.name).await;
        Ok(info.num_pending)
    }

    /// Reads up to the sequence that was the last when the look began, and then as long as was asked for.
    async fn read(
        &self,
        messages: &mut Ordered,
        mut pending: u64,
        last: u64,
        scan: &mut Scan,
    ) -> Result<End, Error> {
        let mut until = None;
        loop {
            if pending == 0 && until.is_none() {
                let Some(time) = scan.bounds.listen_for else {
                    return Ok(End::Complete);
                };
                scan.progress.unset_length();
                until = Some(Instant::now() + time);
            }
            let left = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                None => SILENCE,
            };
            let message = match timeout(left, messages.next()).await {
                Err(_) if until.is_some() => return Ok(End::Time),
                Err(_) => {
                    return Err(Error::new(format_args!(
                        "NATS at {} gave no message for {} s, with {pending} left to read",
                        self.connection.address,
                        SILENCE.as_secs()
                    )));
                }
                Ok(None) => return Ok(End::Complete),
                Ok(Some(message)) => message.map_err(|error| self.connection.failure(&error))?,
            };
            let info = message.info().map_err(|error| {
                Error::new(format_args!("NATS at {}: {error}", self.connection.address))
            })?;
            let sequence = info.stream_sequence;
            pending = if sequence >= last { 0 } else { info.pending };
            // It came later, and nobody asked for it.
            if sequence > last && scan.bounds.listen_for.is_none() {
                return Ok(End::Complete);
            }
            let (subject, headers) = (message.subject.as_str(), message.headers.as_ref());
            let place = Place::Sequence(sequence);
            if let Some(end) = seen(subject, place, headers, &message.payload, scan) {
                return Ok(end);
            }
        }
    }
}

/// Since 1970. Times before are taken for that.
fn nanoseconds(time: SystemTime) -> i128 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    i128::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(i128::MAX)
}
