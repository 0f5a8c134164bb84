//! async-nats: NATS headers.

use super::Client;
use crate::bound::{self, BAGGAGE, TRACEPARENT, TRACESTATE};
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::SpanContext;
use otel_messaging_async_nats::Nats as Marker;

pub enum Nats {}

impl Client for Nats {
    type Marker = Marker;
    type Headers = HeaderMap;

    fn received(entries: &[(String, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in entries {
            headers.append(name.as_str(), value.as_str());
        }
        headers
    }

    fn entries(headers: &HeaderMap) -> Vec<(String, String)> {
        let mut entries: Vec<_> = headers
            .iter()
            .flat_map(|(name, values)| {
                values
                    .iter()
                    .map(|value| (name.to_string(), value.to_string()))
            })
            .collect();
        entries.sort();
        entries
    }

    #[inline]
    fn write_by_hand(span: &SpanContext, context: &Context) -> HeaderMap {
        const PARENT: HeaderName = HeaderName::from_static(TRACEPARENT);
        const STATE: HeaderName = HeaderName::from_static(TRACESTATE);
        const BAG: HeaderName = HeaderName::from_static(BAGGAGE);
        let mut headers = HeaderMap::new();
        if span.is_valid() {
            let traceparent = bound::traceparent::format(span);
            if let Ok(traceparent) = str::from_utf8(&traceparent) {
                headers.insert(PARENT, traceparent.to_owned());
            }
            if let Some(state) = bound::tracestate::format(span.trace_state()) {
                headers.insert(STATE, state);
            }
        }
        if let Some(baggage) = bound::baggage::format(context.baggage()) {
            headers.insert(BAG, baggage);
        }
        headers
    }

    /// Below some twenty headers, looking at each costs less than a hash for each name.
    fn extract_by_hand(headers: &HeaderMap) -> Context {
        let (mut traceparent, mut tracestate, mut baggage) = (None, None, None);
        for (name, values) in headers.iter() {
            let name: &str = name.as_ref();
            let wanted = match name {
                TRACEPARENT => &mut traceparent,
                TRACESTATE => &mut tracestate,
                BAGGAGE => &mut baggage,
                _ => continue,
            };
            *wanted = values.first().map(|value| value.as_str().as_bytes());
        }
        bound::context(traceparent, || tracestate, baggage)
    }

    fn inject_usually(propagator: &impl TextMapPropagator, context: &Context) -> HeaderMap {
        let mut headers = HeaderMap::new();
        propagator.inject_context(context, &mut MapInjector(&mut headers));
        headers
    }

    fn extractor(headers: &HeaderMap) -> impl Extractor {
        MapExtractor(headers)
    }
}

struct MapInjector<'a>(&'a mut HeaderMap);

impl Injector for MapInjector<'_> {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key, value);
    }
}

struct MapExtractor<'a>(&'a HeaderMap);

impl Extractor for MapExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(HeaderValue::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_ref()).collect()
    }
}
