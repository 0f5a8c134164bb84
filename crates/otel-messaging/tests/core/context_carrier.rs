//! A context that is stored and taken up again.

use crate::message::message;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use otel_messaging::{ContextCarrier, attach_context, extract, get_context};
use std::collections::{BTreeMap, HashMap};

#[test]
fn a_stored_context_is_taken_up_elsewhere() {
    let sender = extract(&message().headers);
    let carrier = {
        let baggage = [KeyValue::new("tenant", "acme corp")];
        let _attached = sender.with_baggage(baggage).attach();
        get_context()
    };
    let worker = std::thread::spawn(move || {
        let _attached = attach_context(&carrier);
        let current = Context::current();
        let tenant = current
            .baggage()
            .get("tenant")
            .map(|value| value.to_string());
        (current.span().span_context().trace_id(), tenant)
    });
    let (trace_id, tenant) = worker.join().expect("no panic");
    assert_eq!(trace_id, sender.span().span_context().trace_id());
    assert_eq!(tenant.as_deref(), Some("acme corp"));
}

#[test]
fn it_is_a_map_that_can_be_kept_anywhere() {
    let _attached = extract(&message().headers).attach();
    let stored = BTreeMap::from(get_context());
    assert_eq!(stored, message().headers);
    let carrier = ContextCarrier::from(stored);
    assert_eq!(carrier, get_context());
}

#[cfg(feature = "serde")]
#[test]
fn with_serde_it_is_a_map_of_strings() {
    let _attached = extract(&message().headers).attach();
    let stored = serde_json::to_string(&get_context()).expect("a map");
    assert_eq!(
        stored,
        format!(r#"{{"traceparent":"{}"}}"#, crate::message::TRACEPARENT)
    );
    let carrier: ContextCarrier = serde_json::from_str(&stored).expect("a map");
    assert_eq!(carrier, get_context());

    // Written by others: unknown and malformed fields read as absent.
    let other = r#"{"Traceparent":"00-1-2-1","order":"7"}"#;
    let carrier: ContextCarrier = serde_json::from_str(other).expect("a map");
    assert!(!carrier.context().span().span_context().is_valid());
    let written = serde_json::to_string(&carrier).expect("a map");
    assert_eq!(written, r#"{"Traceparent":"00-1-2-1","order":"7"}"#);
}

#[test]
fn it_is_merged_into_a_map_that_has_entries_already() {
    let _attached = extract(&message().headers).attach();
    let mut metadata = HashMap::from(
        [
            ("queue", "labels"),
            ("Traceparent", "of another job"),
            ("baggage", "of=another"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    get_context().merge_into(&mut metadata);
    let expected = [
        ("queue", "labels"),
        ("traceparent", crate::message::TRACEPARENT),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(metadata, expected.into());

    ContextCarrier::default().merge_into(&mut metadata);
    assert_eq!(metadata.len(), 1);
}

/// Whoever may write where it is stored must not choose the headers of a message.
#[test]
fn what_no_propagator_knows_is_not_merged() {
    let stored = [
        ("traceparent", crate::message::TRACEPARENT),
        ("tracestate", "not a list"),
        ("queue", "x"),
        ("reply-to", "x"),
    ];
    let stored = stored.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut metadata = HashMap::from([("queue".to_owned(), "labels".to_owned())]);
    ContextCarrier::from_iter(stored).merge_into(&mut metadata);
    assert_eq!(metadata["queue"], "labels");
    assert_eq!(metadata["traceparent"], crate::message::TRACEPARENT);
    assert_eq!(metadata.len(), 2);
}

#[cfg(feature = "serde")]
mod stored {
    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use serde::de::{Deserializer, Error, Visitor};
    use serde::{Deserialize, forward_to_deserialize_any};
    use serde_json::{Value, json};

    fn read(stored: &Value) -> BTreeMap<String, String> {
        let carrier: ContextCarrier =
            serde_json::from_str(&stored.to_string()).expect("no reason for an error");
        carrier.into()
    }

    fn entries(count: usize, bytes: usize) -> Value {
        let entry = |number| (format!("{number:04}"), "x".repeat(bytes - 4).into());
        Value::Object((0..count).map(entry).collect())
    }

    #[test]
    fn there_are_limits_on_reading() {
        // Of what is no field of the context, 64 entries and 16,384 bytes.
        for (count, bytes, kept) in [(64, 5, 64), (65, 5, 64), (16, 1024, 16), (17, 1024, 16)] {
            assert_eq!(
                read(&entries(count, bytes)).len(),
                kept,
                "{count} of {bytes}"
            );
        }
        assert_eq!(read(&entries(1, 16384)).len(), 1);
        assert_eq!(read(&entries(1, 16385)).len(), 0);
        // Which does not count for them, wherever it stands.
        for field in ["traceparent", "tracestate", "baggage"] {
            for (length, is_kept) in [(8192, true), (8193, false)] {
                let mut stored = entries(100, 1000);
                stored[field] = "y".repeat(length).into();
                assert_eq!(
                    read(&stored).contains_key(field),
                    is_kept,
                    "{field} {length}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_text_is_left_out_and_the_rest_is_read() {
        let stored = json!({
            "a": 1, "b": null, "c": ["x"], "d": {"e": "f"}, "g": true, "h": -1.5, "i": "kept"
        });
        assert_eq!(read(&stored), BTreeMap::from([("i".into(), "kept".into())]));
        for stored in [
            json!(null),
            json!(7),
            json!("text"),
            json!([1]),
            json!(false),
        ] {
            assert_eq!(read(&stored), BTreeMap::new(), "{stored}");
        }
    }

    #[test]
    fn it_stands_among_the_fields_of_a_job() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Job {
            order: u32,
            #[serde(flatten)]
            context: ContextCarrier,
        }
        let _attached = extract(&message().headers).attach();
        let context = get_context();
        let stored = serde_json::to_value(Job { order: 7, context }).expect("JSON");
        let expected = json!({"order": 7, "traceparent": crate::message::TRACEPARENT});
        assert_eq!(stored, expected);
        let job: Job = serde_json::from_value(stored).expect("a job");
        assert_eq!((job.order, job.context), (7, get_context()));
    }

    /// A format such as postcard, that cannot tell what comes.
    struct Undescribed<D>(D);

    impl<'de, D: Deserializer<'de>> Deserializer<'de> for Undescribed<D> {
        type Error = D::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
            Err(D::Error::custom("cannot tell what comes"))
        }

        fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.deserialize_map(visitor)
        }

        fn is_human_readable(&self) -> bool {
            false
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct seq tuple tuple_struct struct enum identifier
            ignored_any
        }
    }

    #[test]
    fn the_limits_hold_where_a_format_does_not_describe_itself() {
        let mut stored = entries(70, 5);
        stored["baggage"] = "y".repeat(8193).into();
        stored["traceparent"] = crate::message::TRACEPARENT.into();
        let carrier = ContextCarrier::deserialize(Undescribed(stored)).expect("a map of strings");
        let read = BTreeMap::from(carrier);
        assert_eq!(read.len(), 64 + 1);
        assert!(read.contains_key("traceparent"));
    }

    proptest! {
        #[test]
        fn entries_survive_a_round_trip(
            stored in btree_map("[a-z]{1,20}", "\\PC{0,100}", 0..40)
        ) {
            let carrier = ContextCarrier::from(stored.clone());
            let written = serde_json::to_value(carrier).unwrap();
            prop_assert_eq!(read(&written), stored);
        }

        #[test]
        fn no_json_is_an_error(stored in any_json()) {
            let read = read(&stored);
            prop_assert!(read.len() <= 67);
            for (name, value) in read {
                prop_assert_eq!(&stored[name], &value);
            }
        }
    }
    // Of the same shapes as jobs are, nested up to four deep.
    pub(crate) fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "\\PC{0,20}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..8).prop_map(Value::from),
                btree_map("\\PC{0,8}|traceparent|baggage", inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
#[cfg(feature = "serde")]
pub(crate) use stored::any_json;
