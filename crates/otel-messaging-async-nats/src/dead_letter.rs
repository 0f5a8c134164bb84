//! What a dead letter says of the message that failed.

use crate::ack_subject::AckSubject;
use crate::subject::destination;
use async_nats::Message;
use otel_messaging::adapter::DeadLetter;
use std::fmt::Display;

/// The header of a dead letter that names the JetStream stream in which the message stands.
pub const DEAD_LETTER_STREAM: &str = "dead-letter-stream";
/// The header of a dead letter that has the message's number in that stream.
pub const DEAD_LETTER_SEQUENCE: &str = "dead-letter-sequence";

/// What the headers of a dead letter say of this message.
pub(crate) fn dead_letter<'a>(message: &'a Message, error: &'a dyn Display) -> DeadLetter<'a> {
    let letter = DeadLetter::new(destination(&message.subject), error);
    match message.reply.as_deref().and_then(AckSubject::parse) {
        Some(stored) => letter
            .with_detail(DEAD_LETTER_STREAM, stored.stream)
            .with_detail(DEAD_LETTER_SEQUENCE, stored.sequence.to_string()),
        None => letter,
    }
}
