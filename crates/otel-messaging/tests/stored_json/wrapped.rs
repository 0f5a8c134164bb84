//! Wrappers around serde_json's deserializer, as serde_path_to_error and serde_ignored have them.

use crate::ordinary::{TEXT, assert_read, expected};
use crate::reading::{alone, read_envelope};
use otel_messaging::Envelope;
use otel_messaging::stored::EnvelopeOrBare;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use std::fmt;

/// What a wrapper makes of a newtype's name.
#[derive(Clone, Copy)]
pub(crate) enum Newtype {
    /// It drops the name.
    Nameless,
    /// It reads what is inside, as serde's own deserializers of single values do.
    Transparent,
    /// It passes everything on, as serde_path_to_error does.
    PassedOn,
    /// It wants the name to be there, as RON does.
    Named,
}

pub(crate) struct Wrapped<T>(pub(crate) Newtype, pub(crate) T);

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

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
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
    // One that passes everything on costs nothing of what is promised of the context.
    let text = r#"{"otel_context":{"traceparent":"x","\ud800":1e999},"otel_payload":7}"#;
    let mut json = serde_json::Deserializer::from_str(text);
    assert_read(|| Envelope::deserialize(Wrapped(Newtype::PassedOn, &mut json)));
    // A wrapper is given the keys beside it as strings, which it may have to know.
    let text = r#"{"\ud800":7,"otel_context":{},"otel_payload":7}"#;
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Envelope::<u32>::deserialize(Wrapped(Newtype::PassedOn, &mut json));
    assert!(read.is_err());
}
