//! Payloads with their context, where there are no headers.

use crate::message::{Sent, message, spans};
use opentelemetry::trace::{SpanId, SpanKind, TraceContextExt};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::adapter::Destination;
use otel_messaging::{ContextCarrier, Envelope, extract};

fn attribute(span: &SpanData, key: &str) -> Vec<Value> {
    let of_key = |kv: &&KeyValue| kv.key.as_str() == key;
    let found = span.attributes.iter().filter(of_key);
    found.map(|kv| kv.value.clone()).collect()
}

#[test]
fn it_is_handled_as_a_message_is() {
    let spans = spans();
    let sender = extract(&message().headers);
    let envelope = {
        let _attached = sender.clone().attach();
        Envelope::new(7)
    };
    let envelope = envelope.received_from("redis", "orders");
    {
        let _entered = spans.instrumentation.process(&envelope).enter();
        assert_eq!(envelope.open(), 7);
    }
    let span = spans.only();
    assert_eq!(span.name, "process orders");
    assert_eq!(span.span_kind, SpanKind::Consumer);
    assert_eq!(attribute(&span, "messaging.system.name"), ["redis".into()]);
    assert_eq!(
        attribute(&span, "messaging.destination.name"),
        ["orders".into()]
    );
    let sender = sender.span().span_context().clone();
    assert_eq!(span.span_context.trace_id(), sender.trace_id());
    assert_eq!(span.parent_span_id, sender.span_id());
    assert_eq!(span.links[0].span_context, sender);
}

#[tokio::test]
async fn one_without_a_context_has_a_trace_of_its_own() {
    let spans = spans();
    let _around_the_loop = extract(&message().headers).attach();
    let envelope = Envelope::bare(7);
    assert!(envelope.context().is_empty());
    let handled = spans
        .instrumentation
        .with_message_context(&envelope, async |envelope| *envelope.payload());
    assert_eq!(handled.await, 7);
    let span = spans.only();
    assert_eq!(span.name, "process");
    assert_eq!(
        attribute(&span, "messaging.system.name"),
        ["envelope".into()]
    );
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    // To the span that is current around the loop.
    assert_eq!(span.links.len(), 1);
}

#[test]
fn its_sending_may_have_a_span() {
    let spans = spans();
    let list = Sent(Destination::named("orders"));
    let sending = spans.instrumentation.outgoing("lpush", &list);
    let mut context = ContextCarrier::default();
    sending.inject(&mut context, None);
    let envelope = Envelope::with_context(7, context);
    drop(sending);
    drop(spans.instrumentation.process(&envelope));
    let ended = spans.ended();
    assert_eq!(ended[0].name, "lpush orders");
    assert_eq!(ended[1].name, "process");
    assert_eq!(ended[1].parent_span_id, ended[0].span_context.span_id());
}

#[cfg(feature = "serde")]
mod stored {
    use super::*;
    use crate::context_carrier::any_json;
    use crate::message::TRACEPARENT;
    use opentelemetry::trace::TraceContextExt;
    use otel_messaging::get_context;
    use otel_messaging::stored::EnvelopeOrBare;
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Order {
        number: u32,
        #[serde(default)]
        note: String,
    }

    fn order(number: u32) -> Order {
        let note = String::new();
        Order { number, note }
    }

    fn read_either<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<Envelope<T>> {
        let EnvelopeOrBare(envelope) = serde_json::from_str(text)?;
        Ok(envelope)
    }

    #[test]
    fn the_context_stands_beside_the_payload() {
        let _attached = extract(&message().headers).attach();
        let written = serde_json::to_value(Envelope::new(order(7))).expect("JSON");
        let expected = json!({
            "otel_context": {"traceparent": TRACEPARENT},
            "otel_payload": {"number": 7, "note": ""},
        });
        assert_eq!(written, expected);
        let read: Envelope<Order> = serde_json::from_value(written).expect("an envelope");
        assert_eq!(read, Envelope::new(order(7)));
        assert_eq!(read.context(), &get_context());
    }

    #[test]
    fn a_context_is_no_reason_for_an_error() {
        for context in [
            "",
            r#""otel_context": null,"#,
            r#""otel_context": 7,"#,
            r#""otel_context": [{}, []],"#,
            r#""otel_context": {"traceparent": 7},"#,
            r#""otel_context": {"traceparent": "00-x"},"#,
        ] {
            let text = format!(r#"{{{context}"otel_payload": {{"number": 7}}}}"#);
            for read in [serde_json::from_str(&text), read_either(&text)] {
                let read: Envelope<Order> = read.unwrap_or_else(|error| panic!("{text}: {error}"));
                assert!(!read.context().context().span().span_context().is_valid());
                assert_eq!(read.open(), order(7));
            }
        }
    }

    #[test]
    fn what_is_older_than_the_envelopes_is_read() {
        assert_eq!(
            read_either::<Order>(r#"{"number": 7}"#).unwrap(),
            Envelope::bare(order(7))
        );
        assert_eq!(read_either::<u32>("7").unwrap().open(), 7);
        assert_eq!(read_either::<i64>("-7").unwrap().open(), -7);
        assert_eq!(read_either::<f64>("7.5").unwrap().open(), 7.5);
        assert!(read_either::<bool>("true").unwrap().open());
        assert_eq!(
            read_either::<&str>(r#""order 7""#).unwrap().open(),
            "order 7"
        );
        assert_eq!(
            read_either::<String>(r#""order\t7""#).unwrap().open(),
            "order\t7"
        );
        assert_eq!(read_either::<Vec<u8>>("[7, 8]").unwrap().open(), [7, 8]);
        assert_eq!(read_either::<Option<u8>>("null").unwrap().open(), None);
        assert_eq!(read_either::<Option<u8>>("7").unwrap().open(), Some(7));
        #[derive(Debug, PartialEq, Deserialize)]
        struct Newtype<T>(T);
        let number: Envelope<Newtype<u32>> = read_either("7").unwrap();
        assert_eq!(number.open(), Newtype(7));
        let wrapped: Envelope<Newtype<Order>> = read_either(r#"{"number": 7}"#).unwrap();
        assert_eq!(wrapped.open(), Newtype(order(7)));
        #[derive(Debug, PartialEq, Deserialize)]
        enum Event {
            Placed(u32),
            Cancelled,
        }
        let events = [r#"{"Placed": 7}"#, r#""Cancelled""#];
        let events = events.map(|text| read_either::<Event>(text).unwrap().open());
        assert_eq!(events, [Event::Placed(7), Event::Cancelled]);
        // A payload that has a payload.
        let text = r#"{"payload": 1, "context": 2}"#;
        let bare: Envelope<serde_json::Value> = read_either(text).unwrap();
        assert_eq!(bare.open(), json!({"payload": 1, "context": 2}));
    }

    #[test]
    fn the_order_of_the_keys_and_unknown_ones_do_not_matter() {
        let text = r#"{"otel_payload": {"number": 7}, "more": [1], "otel_context": {"a": "b"}}"#;
        for read in [serde_json::from_str(text), read_either(text)] {
            let read: Envelope<Order> = read.expect("an envelope");
            assert_eq!(
                serde_json::to_value(read.context()).unwrap(),
                json!({"a": "b"})
            );
            assert_eq!(read.open(), order(7));
        }
    }

    #[test]
    fn an_error_names_what_is_wrong_with_the_payload() {
        for (text, expected) in [
            (r#"{"otel_context": {}}"#, "missing field `otel_payload`"),
            (
                r#"{"otel_context": {}, "otel_payload": {}}"#,
                "missing field `number`",
            ),
            (r#"{"numbers": 7}"#, "missing field `number`"),
            (
                r#"{"number": "x"}"#,
                "invalid type: string \"x\", expected u32",
            ),
            ("7", "invalid type: integer `7`, expected struct Order"),
            (r#"{"number""#, "EOF while parsing"),
        ] {
            let error = read_either::<Order>(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_payload_comes_out_as_it_went_in(payload in any_json()) {
            let _attached = extract(&message().headers).attach();
            let written = serde_json::to_string(&Envelope::new(&payload)).unwrap();
            let read: Envelope<serde_json::Value> = read_either(&written).unwrap();
            prop_assert_eq!(read.context(), &get_context());
            prop_assert_eq!(&read.open(), &payload);

            let bare: Envelope<serde_json::Value> = read_either(&payload.to_string()).unwrap();
            prop_assert_eq!(bare, Envelope::bare(payload));
        }
    }
}
