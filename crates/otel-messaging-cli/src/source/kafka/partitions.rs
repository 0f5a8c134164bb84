//! From which offset to which each partition of a topic is read.

use crate::error::Error;
use crate::source::bounds::From;
use crate::source::kafka::connection::{Connection, Unanswered};
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;

/// The partitions of a topic, as they are when the look begins.
pub(crate) struct Partitions {
    pub(crate) topic: String,
    pub(crate) ranges: Vec<Range>,
}

/// What is read of a partition: the offsets from `start` up to the one before `end`. Some may have no message:
/// compaction removes messages, and the ends of transactions take offsets too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) partition: i32,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Partitions {
    /// `None` if it was interrupted.
    pub(crate) fn of(
        connection: &Connection,
        topic: &str,
        from: From,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, Error> {
        let numbers = |turn| numbers(connection, topic, turn);
        let Some(numbers) = connection.ask(stop, numbers)? else {
            return Ok(None);
        };
        let at = |offset| {
            connection.ask(stop, |turn| {
                offsets(connection, topic, &numbers, offset, turn)
            })
        };
        let (Some(low), Some(high)) = (at(Offset::Beginning)?, at(Offset::End)?) else {
            return Ok(None);
        };
        let timed = match from {
            From::Last(_) => None,
            From::Time(time) => match at(Offset::Offset(milliseconds(time)))? {
                None => return Ok(None),
                timed => timed,
            },
        };
        let mut ranges = Vec::new();
        for (index, partition) in numbers.iter().copied().enumerate() {
            let of = |offsets: &[Option<i64>]| offsets.get(index).copied().flatten();
            let (low, end) = (of(&low).unwrap_or(0), of(&high).unwrap_or(0));
            let start = match from {
                From::Last(count) => end.saturating_sub(i64::try_from(count).unwrap_or(i64::MAX)),
                // Without a message of that time or later there is none to read.
                From::Time(_) => timed.as_deref().and_then(of).unwrap_or(end),
            };
            ranges.push(Range {
                partition,
                start: start.clamp(low.min(end), end),
                end,
            });
        }
        Ok(Some(Self {
            topic: topic.to_owned(),
            ranges,
        }))
    }

    /// How many messages there are at most.
    pub(crate) fn offsets(&self) -> u64 {
        let counts = self
            .ranges
            .iter()
            .map(|range| range.end.abs_diff(range.start));
        counts.sum()
    }
}

/// The numbers of the partitions, all of which have to have a leader.
fn numbers(connection: &Connection, topic: &str, turn: Duration) -> Result<Vec<i32>, Unanswered> {
    let metadata = connection.consumer.fetch_metadata(Some(topic), turn)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let Some(found) = found else {
        return Err(Unanswered::Yet(None));
    };
    if let Some(error) = found.error() {
        let code = RDKafkaErrorCode::from(error);
        return Err(match connection.refusal(topic, code) {
            Some(refusal) => Unanswered::Ever(refusal),
            None => Unanswered::Yet(Some(Error::new(format_args!(
                "Kafka at {} cannot tell the partitions of the topic {topic}: {code}",
                connection.address
            )))),
        });
    }
    for partition in found.partitions() {
        if partition.leader() < 0 {
            return Err(Unanswered::Yet(Some(Error::new(format_args!(
                "partition {} of the topic {topic} has no leader, so it cannot be read: check the brokers \
                 that have its replicas",
                partition.id()
            )))));
        }
    }
    Ok(found.partitions().iter().map(|it| it.id()).collect())
}

/// The offset of each partition at its beginning, its end, or a time; `None` where there is none.
fn offsets(
    connection: &Connection,
    topic: &str,
    partitions: &[i32],
    at: Offset,
    turn: Duration,
) -> Result<Vec<Option<i64>>, Unanswered> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        asked.add_partition_offset(topic, *partition, at)?;
    }
    let answered = connection.consumer.offsets_for_times(asked, turn)?;
    let mut offsets = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let Some(found) = answered.find_partition(topic, *partition) else {
            return Err(Unanswered::Yet(None));
        };
        if let Err(error) = found.error() {
            let code = error.rdkafka_error_code();
            return Err(
                match code.and_then(|code| connection.refusal(topic, code)) {
                    Some(refusal) => Unanswered::Ever(refusal),
                    None => Unanswered::Yet(Some(Error::new(format_args!(
                        "partition {partition} of the topic {topic} does not tell its offsets: {error}"
                    )))),
                },
            );
        }
        offsets.push(match found.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        });
    }
    Ok(offsets)
}

/// Since 1970, as Kafka counts. Times before are taken for that.
fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or_default().as_millis();
    i64::try_from(since).unwrap_or(i64::MAX)
}
