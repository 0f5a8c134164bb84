//! What is between serde_json and the envelope, or in place of serde_json: everything reads as if it
//! were not there, and what serde_json alone can pass over is then the format's error.

use crate::reading::{Fields, alone, read_envelope};
use otel_messaging::{ContextCarrier, Envelope, EnvelopeOrBare, refused_fields};
use serde::de::value::{MapAccessDeserializer, SeqDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Value, json};
use std::fmt;

const TEXT: &str =
    r#"{"otel_context":{"traceparent":"x","a":[1],"b":null},"with":{"c":1},"otel_payload":7}"#;

fn expected() -> (Fields, u64) {
    (Fields::from([("traceparent".into(), "x".into())]), 1)
}

fn assert_read<E: fmt::Display>(read: impl FnOnce() -> Result<Envelope<u32>, E>) {
    let before = refused_fields();
    let envelope = read().unwrap_or_else(|error| panic!("{error}"));
    let refused = refused_fields() - before;
    let fields = envelope.context().clone().into();
    assert_eq!((fields, refused), expected());
    assert_eq!(envelope.open(), 7);
}

/// What a wrapper makes of a newtype's name.
#[derive(Clone, Copy)]
enum Newtype {
    /// It drops the name.
    Nameless,
    /// It reads what is inside, as serde's own deserializers of single values do.
    Transparent,
    /// It passes everything on, as serde_path_to_error does.
    PassedOn,
    /// It wants the name to be there, as RON does.
    Named,
}

struct Wrapped<T>(Newtype, T);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Wrapped<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.1.deserialize_any(Wrapped(self.0, visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        match self.0 {
            Newtype::Nameless => visitor.visit_newtype_struct(self),
            Newtype::Transparent => self.deserialize_any(visitor),
            Newtype::PassedOn => {
                let visitor = Wrapped(self.0, visitor);
                self.1.deserialize_newtype_struct(name, visitor)
            }
            Newtype::Named => Err(D::Error::custom(format_args!("no {name}"))),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.1.deserialize_bytes(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.1.deserialize_ignored_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string byte_buf option unit
        unit_struct seq tuple tuple_struct map struct enum identifier
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Wrapped<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.1.visit_map(Wrapped(self.0, map))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.1.visit_seq(seq)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.1.visit_str(text)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<V::Value, E> {
        self.1.visit_u64(number)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.1.visit_unit()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Wrapped<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.1.deserialize(Wrapped(self.0, deserializer))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Wrapped<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        self.1.next_key_seed(Wrapped(self.0, seed))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.1.next_value_seed(Wrapped(self.0, seed))
    }
}

#[test]
fn a_wrapper_around_serde_json_reads_as_serde_json_does() {
    let _alone = alone();
    assert_eq!(read_envelope(TEXT), expected());
    for newtype in [Newtype::Nameless, Newtype::Transparent, Newtype::PassedOn] {
        let wrapped = |text| (newtype, serde_json::Deserializer::from_str(text));
        let (newtype, mut json) = wrapped(TEXT);
        assert_read(|| Envelope::deserialize(Wrapped(newtype, &mut json)));
        let (newtype, mut json) = wrapped(TEXT);
        assert_read(|| EnvelopeOrBare::deserialize(Wrapped(newtype, &mut json)).map(|read| read.0));
    }
    // One that passes everything on costs nothing of the promise.
    let text = r#"{"otel_context":{"traceparent":"x","a":1e999},"\ud800":1e999,"otel_payload":7}"#;
    let mut json = serde_json::Deserializer::from_str(text);
    assert_read(|| Envelope::deserialize(Wrapped(Newtype::PassedOn, &mut json)));
}

/// Errors that are not serde_json's, as of another format.
struct Foreign<T>(T);

#[derive(Debug)]
struct ForeignError(String);

impl fmt::Display for ForeignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ForeignError {}

impl Error for ForeignError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl<'de> Deserializer<'de> for Foreign<Value> {
    type Error = ForeignError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ForeignError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => visitor.visit_u64(number.as_u64().unwrap_or_default()),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(values) => {
                visitor.visit_seq(SeqDeserializer::new(values.into_iter().map(Foreign)))
            }
            Value::Object(entries) => {
                let entries = entries
                    .into_iter()
                    .map(|(name, value)| (Foreign(Value::String(name)), Foreign(value)));
                visitor.visit_map(serde::de::value::MapDeserializer::new(entries))
            }
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

impl<'de> IntoDeserializer<'de, ForeignError> for Foreign<Value> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[test]
fn another_format_is_not_asked_for_what_is_serde_jsons() {
    let _alone = alone();
    let value: Value = serde_json::from_str(TEXT).expect("JSON");
    for newtype in [Newtype::Named, Newtype::Nameless, Newtype::Transparent] {
        let wrapped = || Wrapped(newtype, Foreign(value.clone()));
        assert_read(|| Envelope::deserialize(wrapped()));
        assert_read(|| EnvelopeOrBare::deserialize(wrapped()).map(|read| read.0));
    }
    // The name by which serde_json is asked is a name like any other there.
    let token = "$serde_json::private::RawValue";
    for value in [json!("{}"), json!(7), json!({"a": "b"})] {
        let context = json!({token: value, "b": "c"});
        let read = ContextCarrier::deserialize(Foreign(context)).expect("a map");
        let read = Fields::from(read);
        assert_eq!(read["b"], "c");
        assert_eq!(read.get(token).map(|text| &text[..]), value.as_str());
    }
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
fn an_envelope_is_read_from_what_stands_in_order() {
    let context = || Foreign(json!({"traceparent": "x"}));
    for (values, payload) in [
        (vec![context(), Foreign(json!(7))], Ok(7)),
        (
            vec![context()],
            Err("invalid length 1, expected struct Envelope"),
        ),
        (vec![], Err("invalid length 1, expected struct Envelope")),
    ] {
        let read = Envelope::<u32>::deserialize(SeqDeserializer::new(values.into_iter()));
        let read = read.map(Envelope::open).map_err(|error| error.to_string());
        match payload {
            Ok(payload) => assert_eq!(read, Ok(payload)),
            Err(expected) => assert!(read.expect_err(expected).starts_with(expected)),
        }
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
