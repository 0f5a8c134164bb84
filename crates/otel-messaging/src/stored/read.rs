//! Reading a stored context with serde, within limits.

use crate::field::name::FIELDS;
use crate::loss::count::refuse;
use crate::loss::reason::Refused;
use crate::stored::context_carrier::ContextCarrier;
use crate::stored::json_text;
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
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
            Found::Nothing => Self::default(),
            Found::Text(_) | Found::Refused | Found::Token => {
                refuse(Refused::Stored);
                Self::default()
            }
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

/// What stands there.
enum Found {
    Map(BTreeMap<String, String>),
    Text(String),
    Nothing,
    /// It is not what it should be, and nothing of it is kept.
    Refused,
    /// serde_json's key before the text that it was asked for.
    Token,
}

impl Place {
    /// Reads the text of a value, whose grammar serde_json has checked.
    fn read_json(self, text: &str) -> Found {
        let mut json = serde_json::Deserializer::from_str(text);
        let read = self.read(As::Described);
        let found = match (self, text.as_bytes().first()) {
            (_, Some(b'n')) => return Found::Nothing,
            (Place::Context, Some(b'{')) => json.deserialize_map(read),
            (Place::Text, Some(b'"')) => json.deserialize_str(read),
            _ => return Found::Refused,
        };
        // Of entries the text is asked for again, so the only error left is a string that is not text.
        found.unwrap_or(Found::Refused)
    }

    fn read(self, form: As) -> Read {
        Read { place: self, form }
    }
}

impl<'de> DeserializeSeed<'de> for Place {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        if json_text::is_read_from_json::<D>() {
            json_text::ask(deserializer, self.read(As::AskedFor))
        } else {
            self.read(As::Described).deserialize(deserializer)
        }
    }
}

/// Reads the name of an entry in a map that comes in this form.
struct Name(As);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        if json_text::is_key_in_json::<D>() {
            json_text::ask(deserializer, Place::Text.read(As::AskedFor))
        } else {
            Place::Text.read(self.0).deserialize(deserializer)
        }
    }
}

/// The form in which a value comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    /// As itself.
    Described,
    /// As a map of the token and the text, or as itself where the deserializer does not know the token.
    AskedFor,
    /// As its JSON text.
    Json,
}

/// Reads what stands in a place.
#[derive(Clone, Copy)]
struct Read {
    place: Place,
    form: As,
}

impl<'de> DeserializeSeed<'de> for Read {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut name = map.next_key_seed(Name(self.form))?;
        if self.form == As::AskedFor && matches!(name, Some(Found::Token)) {
            let found = map.next_value_seed(self.place.read(As::Json))?;
            IgnoredAny.visit_map(map)?;
            return Ok(found);
        }
        if matches!(self.place, Place::Text) {
            if name.is_some() {
                map.next_value::<IgnoredAny>()?;
                IgnoredAny.visit_map(map)?;
            }
            return Ok(Found::Refused);
        }
        let mut within = WithinLimits::default();
        while let Some(found) = name {
            match (found, map.next_value_seed(Place::Text)?) {
                (_, Found::Nothing) => {}
                (Found::Text(name), Found::Text(value)) => within.add(name, value),
                _ => refuse(Refused::Stored),
            }
            name = map.next_key_seed(Name(As::Described))?;
        }
        Ok(Found::Map(within.fields))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Found, D::Error> {
        self.place.read(As::Described).deserialize(deserializer)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Found, E> {
        if self.form == As::Json {
            return Ok(self.place.read_json(text));
        }
        if self.form == As::AskedFor && text == json_text::TOKEN {
            return Ok(Found::Token);
        }
        // What is longer is kept nowhere, so it is not copied either.
        if matches!(self.place, Place::Context) || text.len() > MAX_OTHER_BYTES {
            return Ok(Found::Refused);
        }
        Ok(Found::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Found, A::Error> {
        IgnoredAny.visit_seq(seq)?;
        Ok(Found::Refused)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Found, A::Error> {
        IgnoredAny.visit_enum(data)?;
        Ok(Found::Refused)
    }

    fn visit_unit<E: Error>(self) -> Result<Found, E> {
        Ok(Found::Nothing)
    }

    fn visit_none<E: Error>(self) -> Result<Found, E> {
        Ok(Found::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        self.place.deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Found, E> {
        Ok(Found::Refused)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Refused)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Found, E> {
        Ok(Found::Refused)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Found, E> {
        Ok(Found::Refused)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Found, E> {
        Ok(Found::Refused)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Refused)
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Found, E> {
        Ok(Found::Refused)
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
            refuse(Refused::Stored);
        }
    }
}
