//! Reading payloads that may be older than the envelopes.

use crate::stored::envelope::Envelope;
use crate::stored::read_envelope::{CONTEXT, PAYLOAD};
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use std::fmt;
use std::marker::PhantomData;

/// Reads an [`Envelope`], or a payload without one. Use it for lists and tables with payloads that are
/// older than the envelopes, and for senders that do not write envelopes.
///
/// A map whose first key is `otel_context` or `otel_payload` is an envelope. Everything else is a
/// payload, and the envelope around it has no context. The format must describe itself, as JSON does. The
/// first key of a map is read as a `String`, so a payload without an envelope cannot be a
/// `HashMap<u32, _>` or serde_json's `RawValue`, and cannot have borrowed keys.
///
/// It returns an error if the payload's type does, or if an envelope has `otel_payload` twice. The
/// content of the context is never an error.
///
/// ```
/// use otel_messaging::stored::EnvelopeOrBare;
///
/// # #[derive(serde::Deserialize)]
/// # struct Order { number: u32 }
/// # fn main() -> Result<(), serde_json::Error> {
/// for row in [
///     r#"{"number": 7}"#,
///     r#"{"otel_context": {"traceparent": "00-…"}, "otel_payload": {"number": 7}}"#,
/// ] {
///     let EnvelopeOrBare::<Order>(envelope) = serde_json::from_str(row)?;
///     assert_eq!(envelope.open().number, 7);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeOrBare<T>(pub Envelope<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for EnvelopeOrBare<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either(PhantomData)).map(Self)
    }
}

struct Either<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Either<T> {
    fn bare<E, D>(payload: D) -> Result<Envelope<T>, E>
    where
        E: Error,
        D: Deserializer<'de, Error = E>,
    {
        T::deserialize(Bare(payload)).map(Envelope::bare)
    }
}

/// A payload that has been begun. The ready-made deserializers of single values and of maps know
/// neither `Option` nor newtypes.
struct Bare<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bare<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
    type Value = Envelope<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope, or a payload without one")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let first = map.next_key::<String>()?;
        let map = FromFirst { first, map };
        match map.first.as_deref() {
            Some(CONTEXT | PAYLOAD) => Envelope::deserialize(MapAccessDeserializer::new(map)),
            _ => Self::bare(MapAccessDeserializer::new(map)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Self::bare(SeqAccessDeserializer::new(seq))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Self::bare(BorrowedStrDeserializer::new(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Self::bare(text.into_deserializer())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Self::bare(value.into_deserializer())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Self::bare(value.into_deserializer())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Self::bare(value.into_deserializer())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Self::bare(value.into_deserializer())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Self::bare(bytes.into_deserializer())
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        T::deserialize(().into_deserializer()).map(Envelope::bare)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, payload: D) -> Result<Self::Value, D::Error> {
        payload.deserialize_any(self)
    }
}

/// A map of which the first key has been read.
struct FromFirst<A> {
    first: Option<String>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for FromFirst<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(first) => seed.deserialize(first.into_deserializer()).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
