//! Formats that are not serde_json's.

use crate::ordinary::{TEXT, assert_read};
use crate::reading::{Fields, alone};
use crate::wrapped::{Newtype, Wrapped};
use otel_messaging::loss::refused_fields;
use otel_messaging::stored::EnvelopeOrBare;
use otel_messaging::{ContextCarrier, Envelope};
use serde::de::value::{
    EnumAccessDeserializer, MapAccessDeserializer, MapDeserializer, SeqDeserializer,
};
use serde::de::{Deserializer, Error, IntoDeserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Value, json};
use std::fmt;

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
                visitor.visit_map(MapDeserializer::new(entries))
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

/// What YAML and TOML have, and JSON has not.
#[test]
fn no_value_of_another_format_is_an_error() {
    fn assert_refused<'de, V>(value: V)
    where
        V: IntoDeserializer<'de, ForeignError> + Clone,
    {
        let entries = [("a", value.clone()), ("b", value.clone())];
        let before = refused_fields();
        let read = ContextCarrier::deserialize(MapDeserializer::new(entries.into_iter()));
        assert!(read.expect("a map").is_empty());
        assert_eq!(refused_fields() - before, 2);
        let read = ContextCarrier::deserialize(value.into_deserializer());
        assert!(read.expect("no map").is_empty());
        assert_eq!(refused_fields() - before, 3);
    }

    /// A value with a tag.
    #[derive(Clone)]
    struct Tagged;

    impl<'de> IntoDeserializer<'de, ForeignError> for Tagged {
        type Deserializer = EnumAccessDeserializer<
            MapAccessDeserializer<
                MapDeserializer<'de, std::array::IntoIter<(&'de str, &'de str), 1>, ForeignError>,
            >,
        >;

        fn into_deserializer(self) -> Self::Deserializer {
            let map = MapDeserializer::new([("tag", "x")].into_iter());
            EnumAccessDeserializer::new(MapAccessDeserializer::new(map))
        }
    }

    let _alone = alone();
    assert_refused(i128::MIN);
    assert_refused(u128::MAX);
    assert_refused(f32::NAN);
    assert_refused(Tagged);
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
