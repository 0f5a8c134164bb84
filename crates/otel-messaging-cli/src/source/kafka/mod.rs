//! Messages of Kafka, read as by a consumer that has no group: nothing is committed, nobody's partitions are
//! assigned anew.

mod configuration;
mod connection;
mod failure;
mod message;
mod partitions;
mod reading;

use crate::arguments::kafka::KafkaArguments;
use crate::error::Error;
use crate::report::End;
use crate::source::kafka::connection::Connection;
use crate::source::kafka::partitions::Partitions;
use crate::source::kafka::reading::{listen, read};
use crate::source::scan::Scan;
use std::collections::BTreeSet;

/// Hands every message that was asked for to the scan.
pub(crate) async fn look(arguments: &KafkaArguments, scan: &mut Scan) -> Result<End, Error> {
    // Polling without a task in between is the fastest way to read.
    tokio::task::block_in_place(|| look_at_topics(arguments, scan))
}

fn look_at_topics(arguments: &KafkaArguments, scan: &mut Scan) -> Result<End, Error> {
    let connection = Connection::open(arguments)?;
    let names: BTreeSet<&str> = arguments.topic.iter().map(String::as_str).collect();
    let mut topics = Vec::new();
    for name in names {
        match Partitions::of(&connection, name, scan.bounds.from, &scan.stop)? {
            Some(partitions) => topics.push(partitions),
            None => return Ok(End::Interrupted),
        }
    }
    let offsets: u64 = topics.iter().map(Partitions::offsets).sum();
    scan.progress.set_length(offsets.min(scan.bounds.max));

    // One after the other: at the end of a partition, rdkafka tells the partition and not the topic.
    for topic in &topics {
        if let Some(end) = read(&connection, topic, scan)? {
            return Ok(end);
        }
    }
    match scan.bounds.listen_for {
        Some(time) => listen(&connection, &topics, time, scan),
        None => Ok(End::Complete),
    }
}
