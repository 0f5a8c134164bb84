//! What the publisher of a message was told.

use integration_tests::spans::{Spans, attribute, traceparent};
use lapin::message::Delivery;
use lapin::types::AMQPValue;
use lapin::{BasicProperties, Confirmation, Result};
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;
use std::collections::HashMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Acked,
    Failed,
    /// Cancelled, or dropped before the answer.
    Unknown,
}

impl Outcome {
    pub(crate) fn of(answer: &Result<Confirmation>) -> Self {
        match answer {
            Ok(Confirmation::Ack(None)) => Self::Acked,
            _ => Self::Failed,
        }
    }
}

/// The spans of published messages, by the messages' ids.
pub(crate) fn by_id(spans: &Spans) -> HashMap<String, SpanData> {
    let all = spans.all().into_iter();
    let sent = all.filter(|span| span.name.starts_with("publish"));
    let mut found = HashMap::new();
    for span in sent {
        let id = attribute(&span, "messaging.message.id").expect("an id");
        let before = found.insert(id.to_string(), span);
        assert!(before.is_none(), "{id} ended twice");
    }
    found
}

/// Asserts that there is a span for each of these messages and no other, and that it failed where
/// the message did.
pub(crate) fn assert_told(spans: &Spans, outcomes: &HashMap<String, Outcome>) {
    let sent = by_id(spans);
    assert_eq!(sent.len(), outcomes.len());
    for (id, outcome) in outcomes {
        let span = &sent[id];
        let failed = matches!(span.status, Status::Error { .. });
        assert_eq!(
            failed,
            *outcome == Outcome::Failed,
            "{id}: {:?}",
            span.status
        );
        let error_type = attribute(span, "error.type");
        assert_eq!(error_type.is_some(), failed, "{id}: {error_type:?}");
    }
}

/// Asserts that a message carries the context of its own publish, and gives its id.
pub(crate) fn assert_carries_its_context(
    delivery: &Delivery,
    sent: &HashMap<String, SpanData>,
) -> String {
    let id = delivery.properties.message_id().as_ref();
    let id = id.expect("an id").to_string();
    let headers = delivery.properties.headers().as_ref().expect("headers");
    let expected = traceparent(&sent[&id].span_context);
    let expected = AMQPValue::LongString(expected.into());
    assert_eq!(headers.inner().get("traceparent"), Some(&expected), "{id}");
    id
}

/// A persistent message of this id.
pub(crate) fn properties(id: &str) -> BasicProperties {
    BasicProperties::default()
        .with_message_id(id.into())
        .with_delivery_mode(2)
}
