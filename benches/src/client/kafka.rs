//! rdkafka: Kafka's record headers.

use super::Client;
use crate::bound::{self, BAGGAGE, Came, Fields, TRACEPARENT, TRACESTATE};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use otel_messaging::adapter::{Carrier, CarrierMut};
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

    /// The lengths of name and value.
    const PER_HEADER: usize = 2 + 4;
    const AROUND: usize = 0;

    /// In one pass. rdkafka checks every name and value that it reads, and panics when a name is not UTF-8. By hand
    /// one would ask librdkafka, as the adapter does: only its `native.rs` may be unsafe, so this is its reading.
    #[inline(always)]
    fn fields(headers: &OwnedHeaders) -> Option<Fields<'_>> {
        fields(headers.as_borrowed())
    }

    /// Names and sizes, by the same reading.
    #[inline(always)]
    fn left(headers: &OwnedHeaders, room: usize) -> Option<Option<usize>> {
        matches!(Self::fields(headers), Some([None, None, None]))
            .then(|| CarrierMut::<Marker>::left_of(headers, room))
    }

    #[inline(always)]
    fn new_headers() -> OwnedHeaders {
        OwnedHeaders::new_with_capacity(3)
    }

    #[inline(always)]
    fn add_parent(headers: OwnedHeaders, traceparent: &[u8; 55]) -> OwnedHeaders {
        insert(headers, TRACEPARENT, traceparent)
    }

    #[inline(always)]
    fn add_list(headers: OwnedHeaders, name: &'static str, list: String) -> OwnedHeaders {
        insert(headers, name, list.as_bytes())
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

/// The bound: what came with a message that librdkafka has.
#[inline]
pub fn read_by_hand(headers: &BorrowedHeaders) -> Came {
    bound::came(fields(headers), || Carrier::<Marker>::contexts(headers))
}

#[inline(always)]
fn fields(headers: &BorrowedHeaders) -> Option<Fields<'_>> {
    Carrier::<Marker>::get_each(headers, [TRACEPARENT, TRACESTATE, BAGGAGE])
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
