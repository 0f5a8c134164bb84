//! AMQP's carrier: tables of every type of value, built or parsed from the wire.
#![no_main]

use lapin::types::parsing::parse_field_table;
use lapin::types::{AMQPValue, DecimalValue, FieldArray, FieldTable, ShortString};
use libfuzzer_sys::fuzz_target;
use opentelemetry::Context;
use otel_messaging_fuzz::carried::Carried;
use otel_messaging_fuzz::carrier::{Client, Entry, FIELDS, check_access, text, values};
use otel_messaging_fuzz::contexts::{self, Contexts};
use otel_messaging_fuzz::input::{Line, lines};
use otel_messaging_fuzz::relay::{check_relay, check_relay_by_others};
use otel_messaging_fuzz::watch;
use otel_messaging_lapin::Lapin;

/// lapin's own parser overflows the stack on thousands of nested tables, before our code runs.
const MAX_DEPTH: usize = 400;

/// The header in which RabbitMQ up to 3.12 hands on what a sender by AMQP 1.0 wrote.
const APP_PROPERTIES: &str = "x-amqp-1.0-app-properties";

fuzz_target!(|data: &[u8]| {
    let Some(headers) = headers(data) else { return };
    if headers.inner().contains_key(APP_PROPERTIES) {
        return check_app_properties(data, &headers);
    }
    check_access::<Amqp>(data, &headers);
    check_relay::<Amqp>(data, &headers);
    check_relay_by_others::<Amqp>(&headers);
});

/// An input that begins with NUL is a table as on the wire; a NUL begins every such table of less
/// than 16 MiB. Else a line is a header, and its first character the type, as in AMQP.
fn headers(data: &[u8]) -> Option<FieldTable> {
    if data.first() == Some(&0) {
        let nests = |byte: &&u8| matches!(byte, b'F' | b'A');
        if data.iter().filter(nests).count() > MAX_DEPTH {
            return None;
        }
        return parse_field_table(data).ok().map(|(_, table)| table);
    }
    let mut headers = FieldTable::default();
    for line in lines(data) {
        if let Some((name, value)) = header(&line) {
            headers.insert(name, value);
        }
    }
    Some(headers)
}

fn header(line: &Line) -> Option<(ShortString, AMQPValue)> {
    let (kind, name) = line.name.split_first()?;
    let name = String::from_utf8_lossy(name);
    let bytes = line.value.clone().unwrap_or_default();
    let number = bytes.iter().fold(0_u32, |number, byte| {
        number.wrapping_mul(31).wrapping_add(u32::from(*byte))
    });
    let depth = bytes.len().min(MAX_DEPTH);
    let innermost = AMQPValue::LongString(bytes.clone().into());
    let value = match kind {
        b'S' => innermost,
        b'x' => AMQPValue::ByteArray(bytes.into()),
        // No type of AMQP 0.9.1, but of lapin.
        b's' => AMQPValue::ShortString(ShortString::try_new(line.value()).ok()?),
        b'F' => (0..depth).fold(innermost, |inner, _| {
            let mut table = FieldTable::default();
            table.insert("traceparent".into(), inner);
            AMQPValue::FieldTable(table)
        }),
        b'A' => (0..depth).fold(innermost, |inner, _| {
            AMQPValue::FieldArray(FieldArray::from(vec![inner]))
        }),
        b't' => AMQPValue::Boolean(number % 2 == 1),
        b'I' => AMQPValue::LongInt(number.cast_signed()),
        b'd' => AMQPValue::Double(f64::from(number)),
        b'D' => AMQPValue::DecimalValue(DecimalValue {
            scale: 2,
            value: number,
        }),
        b'T' => AMQPValue::Timestamp(number.into()),
        _ => AMQPValue::Void,
    };
    Some((ShortString::try_new(name).ok()?, value))
}

/// What holds of headers with the application properties of a sender by AMQP 1.0: the unit tests have
/// the rest of their rules.
fn check_app_properties(data: &[u8], headers: &FieldTable) {
    let extract = |headers| watch::bounded(data.len(), data, || otel_messaging::extract(headers));
    extract(headers);
    let mut removed = headers.clone();
    otel_messaging::inject(&Context::new(), &mut removed);
    let carried = Carried::of(&extract(&removed));
    assert_eq!(carried.sender, None);
    assert!(carried.baggage.is_empty());
    let names = |headers: &FieldTable| {
        let names = headers.inner().keys().map(|name| name.to_string());
        let is_other = |name: &String| {
            let mut known = FIELDS.iter().chain([&APP_PROPERTIES]);
            !known.any(|known| name.eq_ignore_ascii_case(known))
        };
        names.filter(is_other).collect::<Vec<_>>()
    };
    assert_eq!(names(&removed), names(headers));
}

fn exact<'a>(entries: &'a [Entry<Amqp>], name: &str) -> Option<&'a str> {
    let mut entries = entries.iter();
    let (key, value) = entries.find(|(key, _)| key == name.as_bytes())?;
    text::<Amqp>(key, value)
}

struct Amqp;

/// A value, equal to itself even if it is a number that is none.
#[derive(Debug, Clone)]
struct Value(AMQPValue);

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || format!("{:?}", self.0) == format!("{:?}", other.0)
    }
}

impl Client for Amqp {
    type Marker = Lapin;
    type Headers = FieldTable;
    type Value = Value;

    fn entries(headers: &FieldTable) -> Vec<Entry<Self>> {
        let entries = headers.inner().iter();
        entries
            .map(|(name, value)| (name.as_str().as_bytes().to_vec(), Value(value.clone())))
            .collect()
    }

    fn bytes<'a>(_key: &[u8], Value(value): &'a Value) -> Option<&'a [u8]> {
        match value {
            AMQPValue::LongString(text) => Some(text.as_bytes()),
            AMQPValue::ByteArray(bytes) => Some(bytes.as_slice()),
            AMQPValue::ShortString(text) => Some(text.as_str().as_bytes()),
            _ => None,
        }
    }

    fn settle<'a>(entries: &'a [Entry<Self>], name: &str) -> Option<&'a str> {
        exact(entries, name)
    }

    /// The exact name counts before its spellings: with its own fields alone if those name another
    /// sender, else each field.
    fn contexts<'a>(entries: &'a [Entry<Self>]) -> Contexts<'a> {
        let [all, state, baggage] = FIELDS.map(|name| values::<Self>(entries, name));
        let lines = |name| exact(entries, name).into_iter().collect::<Vec<_>>();
        let [sender, exact_state, exact_baggage] = FIELDS.map(lines);
        let sender = contexts::senders(&sender);
        let is_one = contexts::senders(&all).len() < 2;
        match &sender[..] {
            [_] if !is_one => contexts::unordered(&sender, exact_state, exact_baggage),
            _ => {
                let senders = if sender.is_empty() { all } else { sender };
                let state = contexts::first_of(&[exact_state, state]);
                contexts::unordered(
                    &senders,
                    state,
                    contexts::first_of(&[exact_baggage, baggage]),
                )
            }
        }
    }

    fn takes(name: &str, _value: &str) -> bool {
        name.len() <= 255
    }
}
