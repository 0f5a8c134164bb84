//! How large a record a topic accepts: learnt from what its broker refuses.

use crate::json_quotes::without_quotes;
use crate::received::ReceivedRecord;
use crate::relay;
use crate::restorable_headers::{GivenHeaders, RestorableHeaders};
use crate::wire_size::envelope;
use otel_messaging::adapter::{CarrierError, Outgoing, RefusedSizes, Relay, count_dropped_fields};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedHeaders, Headers, OwnedHeaders};
use rdkafka::producer::future_producer::OwnedDeliveryResult;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::util::Timeout;
use std::time::Instant;

/// The headers with which a message is sent on if its record would be too large otherwise: without a
/// context, and without what this crate adds.
pub(crate) struct Bare {
    headers: OwnedHeaders,
    /// How many of this crate's headers, besides the context, are not among them.
    left_out: u64,
}

impl Bare {
    /// `is_kept` says that the message keeps its context.
    pub(crate) fn relayed(relay: Relay<'_>, message: &impl ReceivedRecord, is_kept: bool) -> Self {
        let (headers, renamed) = relay::without_renamed(message, relay);
        let others = match relay {
            Relay::Forward => 0,
            // The time, or the failure.
            Relay::Republish | Relay::DeadLetter(_) => 1,
        };
        Self {
            headers: if is_kept {
                without_quotes(headers)
            } else {
                headers
            },
            left_out: renamed + others,
        }
    }

    /// Removes an older context, and counts what is left out.
    #[cold]
    pub(crate) fn into_headers(mut self, outgoing: &Outgoing) -> Option<OwnedHeaders> {
        outgoing.leave_out(&mut self.headers);
        if self.left_out > 0 {
            count_dropped_fields(self.left_out, CarrierError::TooLarge);
        }
        (self.headers.count() > 0).then_some(self.headers)
    }
}

/// The headers that a caller gave, without any context, and how to give them back.
#[cold]
pub(crate) fn leave_out(
    outgoing: &Outgoing,
    given: Option<OwnedHeaders>,
) -> (Option<OwnedHeaders>, GivenHeaders) {
    let mut headers = RestorableHeaders::new(given);
    outgoing.leave_out(&mut headers);
    headers.into_parts()
}

/// Whether the record, or the batch in which it went, is larger than the topic's `max.message.bytes`, or
/// the record larger than the producer's `message.max.bytes`.
pub(crate) fn is_too_large(error: &KafkaError) -> bool {
    *error == KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge)
}

/// Notes the size of a record that came back because it, or the batch in which it went, is too large.
pub(crate) fn note_refusal(
    refused: &RefusedSizes,
    error: &KafkaError,
    record: &impl ReceivedRecord,
) {
    if is_too_large(error) {
        refused.note_refusal_of_batch(record.topic(), size_of(record));
    }
}

/// Notes what the answer to a record says of sizes. `sent` is its topic and its size, if it matters to know
/// that the topic accepts it.
pub(crate) fn note_answer(
    refused: &RefusedSizes,
    sent: Option<(&str, usize)>,
    answer: &OwnedDeliveryResult,
) {
    match (answer, sent) {
        (Ok(_), Some((topic, size))) => refused.note_success(topic, size),
        (Ok(_), None) => {}
        (Err((error, message)), _) => note_refusal(refused, error, message),
    }
}

/// What a record takes, in bytes.
pub(crate) fn size_of(record: &impl ReceivedRecord) -> usize {
    size(record.key(), record.payload(), record.carried())
}

/// What a record takes, in bytes, with these headers.
pub(crate) fn size(
    key: Option<&[u8]>,
    payload: Option<&[u8]>,
    headers: Option<&BorrowedHeaders>,
) -> usize {
    envelope(key, payload, headers).unwrap_or(usize::MAX)
}

/// What is left of a timeout.
pub(crate) fn left_of(timeout: Timeout, start: Instant) -> Timeout {
    match timeout {
        Timeout::After(all) => Timeout::After(all.saturating_sub(start.elapsed())),
        Timeout::Never => Timeout::Never,
    }
}
