//! The attributes that tell which message a span is about.

use super::scalar::Scalar;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What is read of the attributes of a span, a resource or a process of Jaeger; the others are skipped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) service: Option<String>,
    pub(crate) destination: Option<String>,
    /// `process`, `receive`, `send` and so on.
    pub(crate) operation: Option<String>,
    pub(crate) partition: Option<i64>,
    pub(crate) offset: Option<i64>,
    pub(crate) message_id: Option<String>,
    /// In Jaeger's form the kind is one of them.
    pub(crate) kind: Option<String>,
}

/// What an attribute says, by its name of today or one of its older names.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    Service,
    Destination,
    OperationType,
    OperationName,
    Partition,
    Offset,
    MessageId,
    Kind,
}

impl Meaning {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "service.name" => Self::Service,
            "messaging.destination.name" | "messaging.destination" | "messaging.source.name" => {
                Self::Destination
            }
            "messaging.operation.type" => Self::OperationType,
            "messaging.operation" | "messaging.operation.name" => Self::OperationName,
            "messaging.destination.partition.id"
            | "messaging.kafka.destination.partition"
            | "messaging.kafka.source.partition"
            | "messaging.kafka.partition" => Self::Partition,
            "kafka.offset" | "messaging.kafka.offset" | "messaging.kafka.message.offset" => {
                Self::Offset
            }
            "messaging.message.id" | "messaging.message_id" => Self::MessageId,
            "span.kind" => Self::Kind,
            _ => return None,
        })
    }
}

impl Attributes {
    fn take(&mut self, meaning: Meaning, value: Scalar) {
        match meaning {
            Meaning::Service => self.service = value.into_text(),
            Meaning::Destination => self.destination = value.into_text(),
            Meaning::OperationType => self.operation = value.into_text(),
            // The type says it better than the name, whichever comes first.
            Meaning::OperationName => {
                self.operation = self.operation.take().or(value.into_text());
            }
            Meaning::Partition => self.partition = value.as_number(),
            Meaning::Offset => self.offset = value.as_number(),
            Meaning::MessageId => self.message_id = value.into_text(),
            Meaning::Kind => self.kind = value.into_text(),
        }
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Attributes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of attributes")
    }

    fn visit_unit<E>(self) -> Result<Attributes, E> {
        Ok(Attributes::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Attributes, A::Error> {
        let mut attributes = Attributes::default();
        while let Some(Entry(entry)) = list.next_element()? {
            if let Some((meaning, value)) = entry {
                attributes.take(meaning, value);
            }
        }
        Ok(attributes)
    }

    /// Python's console exporter writes an object of names and values.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
        let mut attributes = Attributes::default();
        while let Some(name) = map.next_key::<String>()? {
            match Meaning::of(&name) {
                Some(meaning) => attributes.take(meaning, map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(attributes)
    }
}

/// `{"key": …, "value": …}`, in either order. The value of an attribute without meaning is skipped, not kept.
struct Entry(Option<(Meaning, Scalar)>);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryReader)
    }
}

struct EntryReader;

impl<'de> Visitor<'de> for EntryReader {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute with `key` and `value`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let mut meaning = None;
        let mut known_useless = false;
        let mut value = Scalar::Other;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "key" => {
                    let name: Scalar = map.next_value()?;
                    meaning = name.as_text().and_then(Meaning::of);
                    known_useless = meaning.is_none();
                }
                "value" if !known_useless => value = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Entry(meaning.map(|meaning| (meaning, value))))
    }
}
