//! What reads the same through everything that may be between serde_json and the envelope.

use crate::reading::{Fields, alone};
use otel_messaging::loss::refused_fields;
use otel_messaging::stored::EnvelopeOrBare;
use otel_messaging::{ContextCarrier, Envelope};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

pub(crate) const TEXT: &str =
    r#"{"otel_context":{"traceparent":"x","a":[1],"b":null},"with":{"c":1},"otel_payload":7}"#;

pub(crate) fn expected() -> (Fields, u64) {
    (Fields::from([("traceparent".into(), "x".into())]), 1)
}

pub(crate) fn assert_read<E: fmt::Display>(read: impl FnOnce() -> Result<Envelope<u32>, E>) {
    let before = refused_fields();
    let envelope = read().unwrap_or_else(|error| panic!("{error}"));
    let refused = refused_fields() - before;
    let fields = envelope.context().clone().into();
    assert_eq!((fields, refused), expected());
    assert_eq!(envelope.open(), 7);
}

#[test]
fn a_value_of_serde_jsons_is_read() {
    let _alone = alone();
    let value: Value = serde_json::from_str(TEXT).expect("JSON");
    assert_read(|| serde_json::from_value(value.clone()));
    assert_read(|| Envelope::deserialize(&value));
    assert_read(|| serde_json::from_value(value.clone()).map(|EnvelopeOrBare(read)| read));
    assert_read(|| EnvelopeOrBare::deserialize(&value).map(|read| read.0));
}

#[test]
fn what_serde_buffers_is_read() {
    let _alone = alone();
    #[derive(Deserialize)]
    struct Flat {
        #[serde(flatten)]
        envelope: Envelope<u32>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u32),
        Envelope(Envelope<u32>),
    }
    assert_read(|| serde_json::from_str(TEXT).map(|Flat { envelope }| envelope));
    assert_read(|| match serde_json::from_str(TEXT)? {
        Either::Envelope(envelope) => Ok(envelope),
        Either::Number(number) => Err(serde_json::Error::custom(number)),
    });
    // Buffered before we are asked: see SECURITY.md.
    let text = r#"{"otel_context":1e999,"otel_payload":7}"#;
    assert!(serde_json::from_str::<Flat>(text).is_err());
    assert!(serde_json::from_str::<Either>(text).is_err());
}

/// A context of a visitor's own, which passes on the map that it was given.
struct Mine(ContextCarrier);

impl<'de> Deserialize<'de> for Mine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Mine;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Mine, A::Error> {
                ContextCarrier::deserialize(MapAccessDeserializer::new(map)).map(Mine)
            }
        }
        deserializer.deserialize_map(Map)
    }
}

#[test]
fn a_map_that_was_begun_is_read_entry_by_entry() {
    let _alone = alone();
    for (text, refused) in [
        (r#"{"traceparent":"x","a":1e999,"\ud800":"b"}"#, 2),
        (r#"{"a":1e999,"traceparent":"x","b":["\ud800"]}"#, 2),
        (r#"{"\ud800":1,"traceparent":"x"}"#, 1),
    ] {
        let before = refused_fields();
        let Mine(carrier) = serde_json::from_str(text).expect("a map");
        assert_eq!(Fields::from(carrier), expected().0, "{text}");
        assert_eq!(refused_fields() - before, refused, "{text}");
    }
}

#[test]
fn a_payload_may_be_missing_if_its_type_allows_it() {
    let text = r#"{"otel_context": {}}"#;
    let none: Envelope<Option<u32>> = serde_json::from_str(text).expect("no payload");
    assert_eq!(none.open(), None);
    let error = serde_json::from_str::<Envelope<u32>>(text).expect_err("no payload");
    assert!(
        error
            .to_string()
            .starts_with("missing field `otel_payload`")
    );
    let error = serde_json::from_str::<Envelope<u32>>("7").expect_err("no envelope");
    let expected = "invalid type: integer `7`, expected struct Envelope";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn it_may_stand_in_anything_that_serde_does_not_buffer() {
    #[derive(Deserialize)]
    struct Row {
        id: u32,
        context: Option<ContextCarrier>,
        jobs: Vec<Envelope<u32>>,
    }
    let _alone = alone();
    let before = refused_fields();
    let context = r#"{"traceparent":"x","a":1e999}"#;
    let job = format!(r#"{{"otel_context":{context},"otel_payload":7}}"#);
    let text = format!(r#"{{"id":1,"context":{context},"jobs":[{job},{job}]}}"#);
    let row: Row = serde_json::from_str(&text).expect("a row");
    assert_eq!(row.id, 1);
    let contexts = row.jobs.iter().map(Envelope::context).chain(&row.context);
    let contexts: Vec<_> = contexts.cloned().map(Fields::from).collect();
    assert_eq!(contexts, [expected().0, expected().0, expected().0]);
    assert_eq!(refused_fields() - before, 3);
}
