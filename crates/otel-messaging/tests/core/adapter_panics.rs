//! An adapter that panics while it describes a message: the span is there without that description.

use crate::errors::attribute;
use crate::message::{TRACEPARENT, TestClient, spans};
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo, TextMap};
use otel_messaging::loss::caught_panics;
use otel_messaging::{Instrumentation, Received};
use std::collections::BTreeMap;

/// A message of an adapter that knows an offset.
struct Message {
    headers: BTreeMap<String, String>,
    panics: bool,
}

impl Describe<TextMap> for Message {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }

    fn set_attributes(&self, _: &MessageInfo<'_>, attributes: &mut Attributes) {
        attributes.set("test.first", 7);
        assert!(!self.panics, "an adapter");
        attributes.set("test.second", 77);
    }
}

impl Received<TextMap> for Message {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        Some(&self.headers)
    }
}

/// Handles a message, and sends one on in its handler. Returns the span's id that goes out with it.
fn handle(by: &Instrumentation, panics: bool) -> String {
    let fields = [("traceparent", TRACEPARENT)];
    let message = Message {
        headers: fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        panics,
    };
    let _entered = by.process(&message).enter();
    let sending = by.outgoing("publish", &message);
    let mut headers = BTreeMap::new();
    sending.inject(&mut headers, None);
    headers["traceparent"][36..52].to_owned()
}

fn assert_described(span: &SpanData, is_whole: bool) {
    let name = attribute(span, "messaging.destination.name");
    assert_eq!(name, Some("orders".into()), "it has that from its start");
    for (key, value) in [("test.first", 7), ("test.second", 77)] {
        // Neither half of them nor those of the message before.
        let expected = is_whole.then_some(value.into());
        assert_eq!(attribute(span, key), expected, "{}", span.name);
    }
}

/// A good message stands between two bad ones, because 16 panics in a row turn the provider off.
#[test]
fn a_description_that_panics_costs_its_attributes_alone() {
    let spans = spans();
    let before = caught_panics();
    let mut sent = Vec::new();
    for n in 0..40 {
        sent.push(handle(&spans.instrumentation, n % 2 == 0));
    }
    // One for the message that is handled, and one for the message that is sent.
    assert!(caught_panics() >= before + 40);

    let ended = spans.ended();
    assert_eq!(ended.len(), 80);
    for (n, (ended, sent)) in ended.chunks(2).zip(sent).enumerate() {
        let [published, processed] = ended else {
            panic!("two spans")
        };
        assert_eq!(published.name, "publish orders");
        assert_eq!(published.span_kind, SpanKind::Producer);
        assert_eq!(processed.name, "process orders");
        assert_eq!(processed.span_kind, SpanKind::Consumer);
        assert_eq!(published.parent_span_id, processed.span_context.span_id());
        assert_eq!(published.span_context.span_id().to_string(), sent);
        for span in [published, processed] {
            assert_described(span, n % 2 == 1);
        }
    }
}
