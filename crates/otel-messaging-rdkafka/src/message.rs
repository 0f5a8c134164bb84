//! What a received message tells.

use crate::headers::Kafka;
use crate::parsing;
use otel_messaging::{Description, Received, semconv};
use rdkafka::Message;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, OwnedHeaders, OwnedMessage, Timestamp};
use std::time::{Duration, SystemTime};

pub(crate) const SYSTEM: &str = "kafka";

/// Several threads may handle one message at once. librdkafka parses a message's headers when they are
/// first asked for, which changes the message without a lock. This crate asks under its own lock.
/// rdkafka's own [`headers`](rdkafka::Message::headers) and [`detach`](BorrowedMessage::detach) do not.
/// Where threads share a message, call them in one thread first, as soon as the message is there;
/// afterwards they only read.
impl Received<Kafka> for BorrowedMessage<'_> {
    type Headers = BorrowedHeaders;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&BorrowedHeaders> {
        parsing::headers(self)
    }

    fn describe_message(&self, description: &mut Description) {
        describe_received(self, description);
    }
}

impl Received<Kafka> for OwnedMessage {
    type Headers = OwnedHeaders;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&OwnedHeaders> {
        self.headers()
    }

    fn describe_message(&self, description: &mut Description) {
        describe_received(self, description);
    }
}

fn describe_received(message: &impl Message, description: &mut Description) {
    // Negative: librdkafka's words for none.
    let partition = Some(message.partition()).filter(|partition| *partition >= 0);
    describe_record(description, message.topic(), partition, message.key());
    if message.offset() >= 0 {
        description.set_attribute(semconv::MESSAGING_KAFKA_OFFSET, message.offset());
    }
    if let Some(time) = sent_at(message.timestamp()) {
        description.set_sent_at(time);
    }
    if message.payload().is_none() {
        description.set_attribute(semconv::MESSAGING_KAFKA_MESSAGE_TOMBSTONE, true);
    }
}

/// The sender's time, or the broker's where the topic is configured for that.
fn sent_at(timestamp: Timestamp) -> Option<SystemTime> {
    let millis = u64::try_from(timestamp.to_millis()?).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

pub(crate) fn describe_record(
    description: &mut Description,
    topic: &str,
    partition: Option<i32>,
    key: Option<&[u8]>,
) {
    description.set_destination(topic);
    if let Some(partition) = partition {
        let id = partition.to_string();
        description.set_attribute(semconv::MESSAGING_DESTINATION_PARTITION_ID, id);
    }
    // Only what is clearly text (conventions for Kafka).
    let key = key.and_then(|key| str::from_utf8(key).ok());
    if let Some(key) = key.filter(|key| !key.chars().any(char::is_control)) {
        description.set_remote_attribute(semconv::MESSAGING_KAFKA_MESSAGE_KEY, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_that_is_none_makes_no_message_old() {
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        for (timestamp, expected) in [
            (Timestamp::CreateTime(1000), Some(second)),
            (Timestamp::LogAppendTime(1000), Some(second)),
            (Timestamp::NotAvailable, None),
            (Timestamp::CreateTime(-1), None),
            (Timestamp::CreateTime(i64::MIN), None),
        ] {
            assert_eq!(sent_at(timestamp), expected, "{timestamp:?}");
        }
        // Whatever it makes of this, it does not panic.
        let _ = sent_at(Timestamp::CreateTime(i64::MAX));
    }
}
