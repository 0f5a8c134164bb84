//! Reading a stored context with serde, within limits.

use crate::context_carrier::ContextCarrier;
use crate::dropped::{self, Refused};
use crate::propagation::FIELDS;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use std::collections::BTreeMap;

/// Of one of the W3C fields, in bytes.
const MAX_FIELD_BYTES: usize = 8192;
/// Of all other entries together, names and values, in bytes.
const MAX_OTHER_BYTES: usize = 16384;
const MAX_OTHERS: usize = 64;

/// Whatever stands where a context should.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Map(BTreeMap<String, Entry>),
    Null(()),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Text(String),
    Null(()),
    Other(IgnoredAny),
}

impl<'de> Deserialize<'de> for ContextCarrier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Formats for people describe themselves, so that what is no text can be told and left out;
        // most of the others cannot be read without knowing what comes.
        if !deserializer.is_human_readable() {
            let fields = BTreeMap::<String, String>::deserialize(deserializer)?;
            return Ok(within_limits(fields));
        }
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Map(entries) => {
                let entries = entries.into_iter();
                within_limits(entries.filter_map(|(name, entry)| Some((name, entry.text()?))))
            }
            Stored::Null(()) => Self::default(),
            Stored::Other(_) => {
                dropped::refuse(Refused::Stored);
                Self::default()
            }
        })
    }
}

impl Entry {
    fn text(self) -> Option<String> {
        match self {
            Entry::Text(text) => Some(text),
            Entry::Null(()) => None,
            Entry::Other(_) => {
                dropped::refuse(Refused::Stored);
                None
            }
        }
    }
}

fn within_limits(entries: impl IntoIterator<Item = (String, String)>) -> ContextCarrier {
    let (mut others, mut other_bytes) = (0, 0);
    let within = entries.into_iter().filter(|(name, value)| {
        let is_within = if FIELDS.contains(&&**name) {
            value.len() <= MAX_FIELD_BYTES
        } else {
            let bytes = other_bytes + name.len() + value.len();
            let is_within = others < MAX_OTHERS && bytes <= MAX_OTHER_BYTES;
            if is_within {
                others += 1;
                other_bytes = bytes;
            }
            is_within
        };
        if !is_within {
            dropped::refuse(Refused::Stored);
        }
        is_within
    });
    within.collect()
}
