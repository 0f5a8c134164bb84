//! rdkafka: Kafka's record headers.

use super::Client;
use crate::bound::{self, BAGGAGE, TRACEPARENT, TRACESTATE};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::SpanContext;
use otel_messaging_rdkafka::Kafka as Marker;
use rdkafka::message::{BorrowedHeaders, Header, Headers, OwnedHeaders};

pub enum Kafka {}

impl Client for Kafka {
    type Marker = Marker;
    type Headers = OwnedHeaders;

    fn received(entries: &[(String, String)]) -> OwnedHeaders {
        entries
            .iter()
            .fold(OwnedHeaders::new(), |headers, (name, value)| {
                insert(headers, name, value.as_bytes())
            })
    }

    fn entries(headers: &OwnedHeaders) -> Vec<(String, String)> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let mut entries: Vec<_> = headers
            .iter()
            .map(|header| {
                (
                    header.key.to_owned(),
                    header.value.map(text).unwrap_or_default(),
                )
            })
            .collect();
        entries.sort();
        entries
    }

    #[inline]
    fn write_by_hand(span: &SpanContext, context: &Context) -> OwnedHeaders {
        let mut headers = OwnedHeaders::new_with_capacity(3);
        if span.is_valid() {
            headers = insert(headers, TRACEPARENT, &bound::traceparent::format(span));
            if let Some(state) = bound::tracestate::format(span.trace_state()) {
                headers = insert(headers, TRACESTATE, state.as_bytes());
            }
        }
        if let Some(baggage) = bound::baggage::format(context.baggage()) {
            headers = insert(headers, BAGGAGE, baggage.as_bytes());
        }
        headers
    }

    fn extract_by_hand(headers: &OwnedHeaders) -> Context {
        extract_by_hand(headers.as_borrowed())
    }

    fn inject_usually(propagator: &impl TextMapPropagator, context: &Context) -> OwnedHeaders {
        let mut injector = RecordInjector(Some(OwnedHeaders::new()));
        propagator.inject_context(context, &mut injector);
        injector.0.unwrap_or_default()
    }

    fn extractor(headers: &OwnedHeaders) -> impl Extractor {
        RecordExtractor(headers)
    }
}

/// The bound, for headers wherever they are: one pass from the oldest header to the newest, which counts.
#[inline]
pub fn extract_by_hand(headers: &BorrowedHeaders) -> Context {
    let (mut traceparent, mut tracestate, mut baggage) = (None, None, None);
    for index in 0..headers.count() {
        let Some(header) = headers.try_get(index) else {
            break;
        };
        match header.key {
            TRACEPARENT => traceparent = header.value,
            TRACESTATE => tracestate = header.value,
            BAGGAGE => baggage = header.value,
            _ => {}
        }
    }
    bound::context(traceparent, || tracestate, baggage)
}

fn insert(headers: OwnedHeaders, key: &str, value: &[u8]) -> OwnedHeaders {
    headers.insert(Header {
        key,
        value: Some(value),
    })
}

struct RecordInjector(Option<OwnedHeaders>);

impl Injector for RecordInjector {
    fn set(&mut self, key: &str, value: String) {
        let headers = self.0.take().unwrap_or_default();
        self.0 = Some(insert(headers, key, value.as_bytes()));
    }
}

struct RecordExtractor<'a>(&'a OwnedHeaders);

impl Extractor for RecordExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let header = self.0.iter().find(|header| header.key == key)?;
        str::from_utf8(header.value?).ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|header| header.key).collect()
    }
}
