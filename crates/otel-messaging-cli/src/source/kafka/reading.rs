//! Reading what is there, and listening to what comes.

use crate::error::Error;
use crate::report::End;
use crate::source::kafka::connection::{Connection, TURN};
use crate::source::kafka::message::seen;
use crate::source::kafka::partitions::{Partitions, Range};
use crate::source::scan::Scan;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long all brokers may be away, or say nothing, before the look gives up.
const SILENCE: Duration = Duration::from_secs(30);

/// Reads a topic to the end that it had when the look began. Gives the reason if the look ends with it.
pub(crate) fn read(
    connection: &Connection,
    topic: &Partitions,
    scan: &mut Scan,
) -> Result<Option<End>, Error> {
    let mut unreadable = Unreadable::default();
    let end = read_ranges(connection, topic, &mut unreadable, scan)?;
    unreadable.note(&topic.topic, scan);
    release(connection, topic)?;
    Ok(end)
}

fn read_ranges(
    connection: &Connection,
    topic: &Partitions,
    unreadable: &mut Unreadable,
    scan: &mut Scan,
) -> Result<Option<End>, Error> {
    let ranges = topic.ranges.iter().filter(|range| range.start < range.end);
    let mut open: BTreeMap<i32, Range> = ranges.map(|range| (range.partition, *range)).collect();
    assign(
        connection,
        open.values().map(|it| (topic, it.partition, it.start)),
    )?;
    let mut heard = Instant::now();
    while !open.is_empty() {
        match connection.consumer.poll(TURN) {
            None => {
                if scan.stop.is_cancelled() {
                    return Ok(Some(End::Interrupted));
                }
                if let Some(failure) = connection.causes().lasting(&connection.address, SILENCE) {
                    return Err(failure);
                }
                if heard.elapsed() >= SILENCE {
                    return Err(silent(topic, &open));
                }
                continue;
            }
            Some(Ok(message)) => {
                let (partition, next) = (message.partition(), message.offset() + 1);
                // Of a partition that was paused with messages on their way.
                let Some(range) = open.get(&partition) else {
                    continue;
                };
                let (is_asked_for, is_last) = (next <= range.end, next >= range.end);
                if is_last {
                    open.remove(&partition);
                    pause(connection, topic, partition)?;
                }
                if is_asked_for && let Some(end) = seen(&message, scan) {
                    return Ok(Some(end));
                }
            }
            // Nothing but ends of transactions may be left of the range, or nothing at all.
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            Some(Err(error)) => unreadable.count(connection, &topic.topic, error)?,
        }
        heard = Instant::now();
    }
    Ok(None)
}

/// Takes what comes behind the ends of all topics, for so long.
pub(crate) fn listen(
    connection: &Connection,
    topics: &[Partitions],
    time: Duration,
    scan: &mut Scan,
) -> Result<End, Error> {
    let ends = topics.iter().flat_map(|topic| {
        let ranges = topic.ranges.iter();
        ranges.map(move |range| (topic, range.partition, range.end))
    });
    assign(connection, ends)?;
    scan.progress.unset_length();
    let until = Instant::now() + time;
    let mut unreadable = Unreadable::default();
    let mut end = End::Time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match connection.consumer.poll(left.min(TURN)) {
            None => {
                if let Some(failure) = connection.causes().lasting(&connection.address, SILENCE) {
                    return Err(failure);
                }
            }
            Some(Ok(message)) => {
                if let Some(reason) = seen(&message, scan) {
                    end = reason;
                    break;
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {}
            Some(Err(error)) => unreadable.count(connection, "", error)?,
        }
        if scan.stop.is_cancelled() {
            end = End::Interrupted;
            break;
        }
    }
    unreadable.note("the topics", scan);
    Ok(end)
}

fn assign<'a>(
    connection: &Connection,
    offsets: impl Iterator<Item = (&'a Partitions, i32, i64)>,
) -> Result<(), Error> {
    let mut assigned = TopicPartitionList::new();
    for (topic, partition, offset) in offsets {
        assigned
            .add_partition_offset(&topic.topic, partition, Offset::Offset(offset))
            .map_err(|error| refused(&topic.topic, error))?;
    }
    let assigned = connection.consumer.assign(&assigned);
    assigned.map_err(|error| refused("the topics", error))
}

/// The rest of a partition that is done would be fetched in vain.
fn pause(connection: &Connection, topic: &Partitions, partition: i32) -> Result<(), Error> {
    let mut done = TopicPartitionList::with_capacity(1);
    done.add_partition(&topic.topic, partition);
    let paused = connection.consumer.pause(&done);
    paused.map_err(|error| refused(&topic.topic, error))
}

/// A partition stays paused beyond its assignment, and would give nothing in the next one.
fn release(connection: &Connection, topic: &Partitions) -> Result<(), Error> {
    let mut partitions = TopicPartitionList::with_capacity(topic.ranges.len());
    for range in &topic.ranges {
        partitions.add_partition(&topic.topic, range.partition);
    }
    let released = connection.consumer.unassign();
    let released = released.and_then(|()| connection.consumer.resume(&partitions));
    released.map_err(|error| refused(&topic.topic, error))
}

fn refused(topic: &str, error: KafkaError) -> Error {
    Error::new(format_args!("{topic} cannot be read: {error}"))
}

fn silent(topic: &Partitions, open: &BTreeMap<i32, Range>) -> Error {
    let partitions = open.keys().map(ToString::to_string);
    Error::new(format_args!(
        "the topic {} gives nothing for {} s: partition {} may be without a leader; check its brokers",
        topic.topic,
        SILENCE.as_secs(),
        partitions.collect::<Vec<_>>().join(", ")
    ))
}

/// Messages that librdkafka cannot read, a batch at a time.
#[derive(Default)]
struct Unreadable {
    batches: u64,
    newest: Option<KafkaError>,
}

impl Unreadable {
    /// Sorts out what the look can go on with.
    fn count(
        &mut self,
        connection: &Connection,
        topic: &str,
        error: KafkaError,
    ) -> Result<(), Error> {
        let code = match &error {
            KafkaError::MessageConsumptionFatal(_) => return Err(refused(topic, error)),
            other => other.rdkafka_error_code(),
        };
        if let Some(refusal) = code.and_then(|code| connection.refusal(topic, code)) {
            return Err(refusal);
        }
        let is_unreadable = matches!(
            code,
            Some(
                RDKafkaErrorCode::BadMessage
                    | RDKafkaErrorCode::BadCompression
                    | RDKafkaErrorCode::NotImplemented
                    | RDKafkaErrorCode::InvalidMessage
                    | RDKafkaErrorCode::MessageSizeTooLarge
                    | RDKafkaErrorCode::Underflow
            )
        );
        // The others are of connections, which `Causes` knows, and of a group that nobody joins.
        if is_unreadable {
            self.batches += 1;
            self.newest = Some(error);
        }
        Ok(())
    }

    fn note(self, topic: &str, scan: &mut Scan) {
        if let Some(error) = self.newest {
            scan.notes.push(format!(
                "{} batches of {topic} cannot be read and were left out: {error}",
                self.batches
            ));
        }
    }
}
