//! async-nats: NATS headers.

use super::Client;
use crate::bound::{self, BAGGAGE, Fields, TRACEPARENT, TRACESTATE};
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
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

    const PER_HEADER: usize = ": \r\n".len();
    const AROUND: usize = "NATS/1.0\r\n\r\n".len();

    /// Below some twenty headers, looking at each costs less than a hash for each name.
    #[inline(always)]
    fn fields(headers: &HeaderMap) -> Option<Fields<'_>> {
        let mut fields = [None; 3];
        for (name, values) in headers.iter() {
            let name: &str = name.as_ref();
            if let Some(place) = field(name.as_bytes()) {
                for value in values {
                    if fields[place].replace(value.as_str().as_bytes()).is_some() {
                        return None;
                    }
                }
            }
        }
        Some(fields)
    }

    #[inline(always)]
    fn left(headers: &HeaderMap, room: usize) -> Option<Option<usize>> {
        let mut taken = if headers.is_empty() { 0 } else { Self::AROUND };
        for (name, values) in headers.iter() {
            let name: &str = name.as_ref();
            if field(name.as_bytes()).is_some() {
                return None;
            }
            for value in values {
                taken += name.len() + value.as_str().len() + Self::PER_HEADER;
            }
        }
        Some(room.checked_sub(taken))
    }

    #[inline(always)]
    fn new_headers() -> HeaderMap {
        HeaderMap::new()
    }

    #[inline(always)]
    fn add_parent(mut headers: HeaderMap, traceparent: &[u8; 55]) -> HeaderMap {
        const PARENT: HeaderName = HeaderName::from_static(TRACEPARENT);
        if let Ok(traceparent) = str::from_utf8(traceparent) {
            headers.insert(PARENT, traceparent.to_owned());
        }
        headers
    }

    #[inline(always)]
    fn add_list(mut headers: HeaderMap, name: &'static str, list: String) -> HeaderMap {
        const STATE: HeaderName = HeaderName::from_static(TRACESTATE);
        const BAG: HeaderName = HeaderName::from_static(BAGGAGE);
        let name = if name == TRACESTATE { STATE } else { BAG };
        headers.insert(name, list);
        headers
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

/// Servers rename a `traceparent` that they have traced.
#[inline(always)]
fn field(name: &[u8]) -> Option<usize> {
    if name.len() == TRACEPARENT.len() && name[0] | 0x20 == b'x' {
        return is_renamed(name).then_some(0);
    }
    bound::field(name)
}

#[cold]
fn is_renamed(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"Xraceparent")
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
