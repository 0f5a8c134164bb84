//! Reading an envelope with serde.

use crate::loss::count::refuse;
use crate::loss::reason::Refused;
use crate::stored::context_carrier::ContextCarrier;
use crate::stored::envelope::Envelope;
use crate::stored::json_text;
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

pub(crate) const CONTEXT: &str = "otel_context";
pub(crate) const PAYLOAD: &str = "otel_payload";

/// As derived, with two differences: a key need not be text, and several contexts are no error.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Envelope<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Envelope", &[CONTEXT, PAYLOAD], Parts(PhantomData))
    }
}

struct Parts<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
    type Value = Envelope<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("struct Envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut context, mut contexts, mut payload) = (ContextCarrier::default(), 0, None);
        while let Some(key) = map.next_key()? {
            match key {
                Key::Context => {
                    context = map.next_value()?;
                    contexts += 1;
                }
                Key::Payload if payload.is_some() => return Err(Error::duplicate_field(PAYLOAD)),
                Key::Payload => payload = Some(map.next_value()?),
                Key::Other => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        let payload = payload.map_or_else(missing, Ok)?;
        if contexts > 1 {
            refuse(Refused::Contradiction);
            context = ContextCarrier::default();
        }
        Ok(Envelope::with_context(payload, context))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let context = seq.next_element()?.unwrap_or_default();
        let payload = seq.next_element()?;
        let payload =
            payload.ok_or_else(|| Error::invalid_length(1, &"struct Envelope with 2 elements"))?;
        Ok(Envelope::with_context(payload, context))
    }
}

/// Lets the payload's type decide, as derived code does: a missing `Option` is `None`, anything else
/// an error.
fn missing<'de, T: Deserialize<'de>, E: Error>() -> Result<T, E> {
    #[derive(Deserialize)]
    struct Alone<T> {
        #[serde(rename = "otel_payload")]
        payload: T,
    }
    let nothing = MapDeserializer::new(std::iter::empty::<(&str, ())>());
    Alone::deserialize(nothing).map(|Alone { payload }| payload)
}

enum Key {
    Context,
    Payload,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde_json gives a key with half of a surrogate pair as bytes alone.
        if json_text::is_key_in_json::<D>() {
            deserializer.deserialize_bytes(KeyVisitor)
        } else {
            deserializer.deserialize_identifier(KeyVisitor)
        }
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("field identifier")
    }

    fn visit_u64<E: Error>(self, index: u64) -> Result<Key, E> {
        Ok(match index {
            0 => Key::Context,
            1 => Key::Payload,
            _ => Key::Other,
        })
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        self.visit_bytes(name.as_bytes())
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Key, E> {
        Ok(match name {
            name if name == CONTEXT.as_bytes() => Key::Context,
            name if name == PAYLOAD.as_bytes() => Key::Payload,
            _ => Key::Other,
        })
    }
}
