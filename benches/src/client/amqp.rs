//! lapin: AMQP's table of headers.

use super::Client;
use crate::bound::{self, BAGGAGE, TRACEPARENT, TRACESTATE};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::SpanContext;
use otel_messaging_lapin::Lapin;

pub enum Amqp {}

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

    #[inline]
    fn write_by_hand(span: &SpanContext, context: &Context) -> FieldTable {
        let mut headers = FieldTable::default();
        if span.is_valid() {
            let traceparent = bound::traceparent::format(span);
            headers.insert(
                ShortString::from(TRACEPARENT),
                AMQPValue::LongString(LongString::from(traceparent.as_slice())),
            );
            if let Some(state) = bound::tracestate::format(span.trace_state()) {
                insert(&mut headers, TRACESTATE, state);
            }
        }
        if let Some(baggage) = bound::baggage::format(context.baggage()) {
            insert(&mut headers, BAGGAGE, baggage);
        }
        headers
    }

    /// One pass: at the sizes of the table cheaper than a search for each name.
    fn extract_by_hand(headers: &FieldTable) -> Context {
        let (mut traceparent, mut tracestate, mut baggage) = (None, None, None);
        for (name, value) in headers.inner() {
            let wanted = match name.as_str() {
                TRACEPARENT => &mut traceparent,
                TRACESTATE => &mut tracestate,
                BAGGAGE => &mut baggage,
                _ => continue,
            };
            if let AMQPValue::LongString(text) = value {
                *wanted = Some(text.as_bytes());
            }
        }
        bound::context(traceparent, || tracestate, baggage)
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
