//! The carrier: AMQP's table of headers.

use crate::app_properties::{self, values};
use crate::error_type::error_type;
use crate::wire_size;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use otel_messaging::adapter::{
    Carrier, CarrierError, CarrierMut, Client, Contexts, FieldValue, is_name,
};
use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The fields of a context.
const FIELDS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// The marker of this crate's carrier and messages. The compiler infers it everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Lapin {}

impl Client for Lapin {
    const SYSTEM: &'static str = "rabbitmq";
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    fn error_type(error: &(dyn Any + 'static)) -> Option<Cow<'static, str>> {
        error.downcast_ref().map(error_type)
    }
}

/// The carrier writes text as a long string, which every reader takes. It reads long strings, byte
/// arrays and short strings, because clients differ in what they send. Values of other types, and text
/// that is not UTF-8, read as absent.
///
/// Names are case-sensitive in AMQP: a `traceparent` counts before its other spellings. If these name
/// another sender, the `tracestate` and the `baggage` in lower case count with it, and no others. If
/// they name the same one, each field in lower case counts before its other spellings, and those count
/// where it is absent. Without a `traceparent` in lower case, other spellings that name different
/// senders contradict each other.
///
/// RabbitMQ up to 3.12 hands on the application properties of an AMQP 1.0 sender inside the header
/// `x-amqp-1.0-app-properties`. If the message has no `traceparent`, `tracestate` or `baggage` of its
/// own, the carrier reads them from there. When it removes a field, it removes it there too.
impl Carrier<Lapin> for FieldTable {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let section = is_field(name).then(|| section(self)).flatten();
        let named = self
            .inner()
            .iter()
            .filter(move |(key, _)| is_name(key.as_str().as_bytes(), name));
        let texts = named.filter_map(|(_, value)| text(value));
        texts.chain(
            section
                .into_iter()
                .flat_map(move |section| values(section, name)),
        )
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.inner().keys().map(ShortString::as_str)
    }

    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        let mut values = self.get_all(name);
        let first = values.next()?;
        if values.all(|value| value == first) {
            return Some(first);
        }
        exact(self, name)
    }

    fn contexts(&self) -> Contexts<'_> {
        let [traceparents, tracestate, baggage] = FIELDS.map(|name| self.get_all(name));
        let all = Contexts::unordered(traceparents, tracestate, baggage);
        let [traceparent, tracestate, baggage] = FIELDS.map(|name| exact(self, name));
        match (all, Contexts::unordered(traceparent, tracestate, baggage)) {
            (Contexts::One(all), Contexts::One(exact)) => Contexts::One(exact.or(all)),
            (_, Contexts::One(exact)) if exact.has_sender() => Contexts::One(exact),
            (all, _) => all,
        }
    }

    #[inline(always)]
    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        let mut found = [None; N];
        let mut has_section = false;
        for (key, value) in self.inner() {
            let key = key.as_str().as_bytes();
            let Some(index) = names.iter().position(|name| is_name(key, name)) else {
                has_section |= key == app_properties::NAME.as_bytes();
                continue;
            };
            if let Some(value) = bytes(value)
                && found[index].replace(value).is_some()
            {
                return None;
            }
        }
        if has_section {
            return with_section(self, names, found);
        }
        Some(found)
    }
}

#[inline]
fn is_field(name: &str) -> bool {
    FIELDS.iter().any(|field| is_name(field.as_bytes(), name))
}

/// The application properties of a sender that speaks AMQP 1.0, if no field of a context stands beside
/// them: the context in them came earlier than one that does.
fn section(table: &FieldTable) -> Option<&[u8]> {
    let section = bytes(table.inner().get(app_properties::NAME)?)?;
    let is_context =
        |(key, value): (&ShortString, &AMQPValue)| is_field(key.as_str()) && text(value).is_some();
    (!table.inner().iter().any(is_context)).then_some(section)
}

/// The fields of a context that are not there, from the application properties.
#[cold]
#[inline(never)]
fn with_section<'a, const N: usize>(
    table: &'a FieldTable,
    names: [&str; N],
    mut found: [Option<&'a [u8]>; N],
) -> Option<[Option<&'a [u8]>; N]> {
    let Some(section) = section(table) else {
        return Some(found);
    };
    for (name, found) in names.iter().zip(&mut found) {
        if is_field(name) {
            let mut values = values(section, name);
            *found = values.next().map(str::as_bytes);
            if values.next().is_some() {
                return None;
            }
        }
    }
    Some(found)
}

/// The value under exactly this name.
fn exact<'a>(table: &'a FieldTable, name: &str) -> Option<&'a str> {
    table.inner().get(name).and_then(text)
}

/// A name of more than 255 bytes cannot be represented.
impl CarrierMut<Lapin> for FieldTable {
    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        let name = ShortString::try_new(name).map_err(|_| CarrierError::InvalidName)?;
        // Never a short string: it goes out under a tag that is no AMQP 0.9.1 field type, and
        // RabbitMQ closes the connection.
        self.insert(name, AMQPValue::LongString(value.into_bytes().into()));
        Ok(())
    }

    #[inline]
    fn remove(&mut self, names: &[&str]) {
        if !self.inner().is_empty()
            && let Some(rest) = without(self, names)
        {
            *self = rest;
        }
    }

    const PER_HEADER: usize = wire_size::PER_HEADER;

    #[inline]
    fn left_of(&self, room: usize) -> Option<usize> {
        wire_size::left_of(self, room)
    }
}

/// A copy of the table without these names, in any spelling: the table has no way to remove an entry.
/// `None` if it has none of them.
pub(crate) fn without(table: &FieldTable, names: &[&str]) -> Option<FieldTable> {
    let is_named = |key: &str| names.iter().any(|name| is_name(key.as_bytes(), name));
    let (mut is_any_named, mut has_section) = (false, false);
    for key in table.inner().keys().map(ShortString::as_str) {
        is_any_named |= is_named(key);
        has_section |= key == app_properties::NAME;
    }
    let section = has_section.then(|| without_fields(table, names)).flatten();
    if section.is_none() && !is_any_named {
        return None;
    }
    let rest = table.inner().iter();
    let rest = rest.filter(|(key, _)| !is_named(key.as_str()));
    let mut rest: BTreeMap<_, _> = rest
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(section) = section {
        let key = ShortString::from(app_properties::NAME);
        if section.is_empty() || is_named(key.as_str()) {
            rest.remove(&key);
        } else {
            rest.insert(key, AMQPValue::LongString(section.into()));
        }
    }
    Some(FieldTable::from(rest))
}

/// The application properties of a sender by AMQP 1.0 without those of these names that are fields of a
/// context: only they are read there. `None` if there are none.
fn without_fields(table: &FieldTable, names: &[&str]) -> Option<Vec<u8>> {
    let section = bytes(table.inner().get(app_properties::NAME)?)?;
    let fields = names.iter().copied().filter(|name| is_field(name));
    app_properties::without(section, &fields.collect::<Vec<_>>())
}

/// The headers of a message that is forwarded: a field of a context that came as bytes goes on as text,
/// because readers in some languages take no other for one.
pub(crate) fn as_text(mut headers: FieldTable) -> FieldTable {
    let field = |(key, value): (&ShortString, &AMQPValue)| match value {
        AMQPValue::ByteArray(_) if is_field(key.as_str()) => {
            Some((key.clone(), text(value)?.to_owned()))
        }
        _ => None,
    };
    let fields: Vec<_> = headers.inner().iter().filter_map(field).collect();
    for (key, value) in fields {
        headers.insert(key, AMQPValue::LongString(value.into()));
    }
    headers
}

fn bytes(value: &AMQPValue) -> Option<&[u8]> {
    match value {
        AMQPValue::LongString(text) => Some(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => Some(bytes.as_slice()),
        AMQPValue::ShortString(text) => Some(text.as_str().as_bytes()),
        _ => None,
    }
}

fn text(value: &AMQPValue) -> Option<&str> {
    str::from_utf8(bytes(value)?).ok()
}

#[cfg(test)]
mod tests;
