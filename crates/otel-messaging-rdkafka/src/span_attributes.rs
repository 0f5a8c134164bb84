//! The attributes that Kafka alone has, on records that go out and on messages that came in.

use otel_messaging::adapter::{Attributes, semconv};

/// Adds the key, and says whether the record is a tombstone.
pub(crate) fn set_content(attributes: &mut Attributes, key: Option<&[u8]>, payload: Option<&[u8]>) {
    // Only a key that is clearly text is shown (conventions for Kafka).
    let key = key.and_then(|key| str::from_utf8(key).ok());
    // Nearly all are ASCII, where a byte is a character.
    let is_plain = |key: &str| key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let is_text = |key: &&str| is_plain(key) || !key.chars().any(char::is_control);
    if let Some(key) = key.filter(is_text) {
        attributes.set_remote(semconv::KAFKA_MESSAGE_KEY, key);
    }
    if payload.is_none() {
        attributes.set(semconv::KAFKA_MESSAGE_TOMBSTONE, true);
    }
}

/// Adds the offset. librdkafka uses negative numbers for an offset that it does not know.
pub(crate) fn set_offset(attributes: &mut Attributes, offset: i64) {
    if offset >= 0 {
        attributes.set(semconv::KAFKA_OFFSET, offset);
    }
}
