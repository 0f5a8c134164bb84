//! lapin: AMQP's table of headers.

use super::Client;
use crate::bound::{self, Fields, TRACEPARENT};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use otel_messaging_lapin::Lapin;

pub enum Amqp {}

/// Where RabbitMQ up to 3.12 puts what a sender by AMQP 1.0 has said.
const APP_PROPERTIES: &[u8] = b"x-amqp-1.0-app-properties";

impl Client for Amqp {
    type Marker = Lapin;
    type Headers = FieldTable;

    fn received(entries: &[(String, String)]) -> FieldTable {
        let mut headers = FieldTable::default();
        for (name, value) in entries {
            insert(&mut headers, name, value.clone());
        }
        headers
    }

    fn entries(headers: &FieldTable) -> Vec<(String, String)> {
        let entries = headers.inner().iter();
        entries
            .map(|(name, value)| (name.to_string(), text(value).unwrap_or_default().to_owned()))
            .collect()
    }

    /// A length of one byte, the value's type and its length (AMQP 0.9.1, section 4.2.5).
    const PER_HEADER: usize = 1 + 1 + 4;
    const AROUND: usize = 0;

    /// One pass: at the sizes of the table cheaper than a search for each name.
    #[inline(always)]
    fn fields(headers: &FieldTable) -> Option<Fields<'_>> {
        let mut fields = [None; 3];
        for (name, value) in headers.inner() {
            let name = name.as_str().as_bytes();
            let Some(place) = bound::field(name) else {
                // SECURITY.md: the application properties of AMQP 1.0 are read.
                if name.len() == APP_PROPERTIES.len() && name == APP_PROPERTIES {
                    return None;
                }
                continue;
            };
            // Clients differ in the type that they send.
            let text = match value {
                AMQPValue::LongString(text) => text.as_bytes(),
                AMQPValue::ByteArray(bytes) => bytes.as_slice(),
                AMQPValue::ShortString(text) => text.as_str().as_bytes(),
                _ => continue,
            };
            if fields[place].replace(text).is_some() {
                return None;
            }
        }
        Some(fields)
    }

    #[inline(always)]
    fn left(headers: &FieldTable, room: usize) -> Option<Option<usize>> {
        let mut taken = 0;
        for (name, value) in headers.inner() {
            let name = name.as_str().as_bytes();
            let is_old = bound::field(name).is_some()
                || (name.len() == APP_PROPERTIES.len() && name == APP_PROPERTIES);
            // Other types are counted where old contexts are removed.
            let AMQPValue::LongString(text) = value else {
                return None;
            };
            if is_old {
                return None;
            }
            taken += Self::PER_HEADER + name.len() + text.len();
        }
        Some(room.checked_sub(taken))
    }

    #[inline(always)]
    fn new_headers() -> FieldTable {
        FieldTable::default()
    }

    #[inline(always)]
    fn add_parent(mut headers: FieldTable, traceparent: &[u8; 55]) -> FieldTable {
        let value = LongString::from(traceparent.as_slice());
        headers.insert(ShortString::from(TRACEPARENT), AMQPValue::LongString(value));
        headers
    }

    #[inline(always)]
    fn add_list(mut headers: FieldTable, name: &'static str, list: String) -> FieldTable {
        insert(&mut headers, name, list);
        headers
    }

    fn inject_usually(propagator: &impl TextMapPropagator, context: &Context) -> FieldTable {
        let mut headers = FieldTable::default();
        propagator.inject_context(context, &mut TableInjector(&mut headers));
        headers
    }

    fn extractor(headers: &FieldTable) -> impl Extractor {
        TableExtractor(headers)
    }
}

fn insert(headers: &mut FieldTable, name: &str, value: String) {
    headers.insert(
        ShortString::from(name),
        AMQPValue::LongString(LongString::from(value)),
    );
}

fn text(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => str::from_utf8(text.as_bytes()).ok(),
        _ => None,
    }
}

struct TableInjector<'a>(&'a mut FieldTable);

impl Injector for TableInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        insert(self.0, key, value);
    }
}

struct TableExtractor<'a>(&'a FieldTable);

impl Extractor for TableExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.inner().get(key).and_then(text)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.inner().keys().map(ShortString::as_str).collect()
    }
}
