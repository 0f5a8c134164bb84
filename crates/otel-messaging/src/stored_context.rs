//! Reading a stored context with serde, within limits.

use crate::context_carrier::ContextCarrier;
use crate::dropped::{self, Refused};
use crate::propagation::FIELDS;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// Of one of the W3C fields, in bytes.
const MAX_FIELD_BYTES: usize = 8192;
/// Of all other entries together, names and values, in bytes.
const MAX_OTHER_BYTES: usize = 16384;
const MAX_OTHERS: usize = 64;

impl<'de> Deserialize<'de> for ContextCarrier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Formats for people describe themselves, so that what is no map of strings can be told and
        // left out; most of the others cannot be read without knowing what comes.
        if !deserializer.is_human_readable() {
            let fields = BTreeMap::<String, String>::deserialize(deserializer)?;
            let mut within = WithinLimits::default();
            for (name, value) in fields {
                within.add(name, value);
            }
            return Ok(within.fields.into());
        }
        Ok(match Place::Context.deserialize(deserializer)? {
            Found::Map(fields) => fields.into(),
            Found::Text(_) | Found::Nothing => Self::default(),
        })
    }
}

/// Where something stands, which says what it should be.
#[derive(Clone, Copy)]
enum Place {
    /// A map.
    Context,
    /// The name or the value of an entry of it.
    Text,
}

/// What stands there. Whatever it should not be is counted, not kept, and reads as nothing.
enum Found {
    Map(BTreeMap<String, String>),
    Text(String),
    Nothing,
}

impl Found {
    #[cold]
    fn refused() -> Self {
        dropped::refuse(Refused::Stored);
        Self::Nothing
    }
}

impl<'de> DeserializeSeed<'de> for Place {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        if matches!(self, Place::Text) {
            IgnoredAny.visit_map(map)?;
            return Ok(Found::refused());
        }
        let mut within = WithinLimits::default();
        while let Some(name) = map.next_key_seed(Place::Text)? {
            let value = map.next_value_seed(Place::Text)?;
            if let (Found::Text(name), Found::Text(value)) = (name, value) {
                within.add(name, value);
            }
        }
        Ok(Found::Map(within.fields))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Found, E> {
        // What is longer is kept nowhere, so it is not copied either.
        if matches!(self, Place::Context) || text.len() > MAX_OTHER_BYTES {
            return Ok(Found::refused());
        }
        Ok(Found::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Found, A::Error> {
        IgnoredAny.visit_seq(seq)?;
        Ok(Found::refused())
    }

    fn visit_unit<E: Error>(self) -> Result<Found, E> {
        Ok(Found::Nothing)
    }

    fn visit_none<E: Error>(self) -> Result<Found, E> {
        Ok(Found::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Found, E> {
        Ok(Found::refused())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Found, E> {
        Ok(Found::refused())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Found, E> {
        Ok(Found::refused())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Found, E> {
        Ok(Found::refused())
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Found, E> {
        Ok(Found::refused())
    }
}

#[derive(Default)]
struct WithinLimits {
    fields: BTreeMap<String, String>,
    others: usize,
    other_bytes: usize,
}

impl WithinLimits {
    fn add(&mut self, name: String, value: String) {
        let is_within = if FIELDS.contains(&&*name) {
            value.len() <= MAX_FIELD_BYTES
        } else {
            let bytes = self.other_bytes + name.len() + value.len();
            let is_within = self.others < MAX_OTHERS && bytes <= MAX_OTHER_BYTES;
            if is_within {
                self.others += 1;
                self.other_bytes = bytes;
            }
            is_within
        };
        if is_within {
            self.fields.insert(name, value);
        } else {
            dropped::refuse(Refused::Stored);
        }
    }
}
