//! Carriers as OpenTelemetry's own `Extractor` and `Injector`.

use crate::carrier::{Carrier, CarrierError, CarrierMut};
use crate::dropped;
use opentelemetry::propagation::{Extractor, Injector};
use std::marker::PhantomData;

/// Hands a carrier to any OpenTelemetry propagator for reading.
///
/// What it does with hostile input is what the [`Carrier`] does with it.
///
/// ```
/// use opentelemetry::Context;
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::trace::TraceContextExt;
/// use opentelemetry_sdk::propagation::TraceContextPropagator;
/// use otel_messaging::CarrierExtractor;
/// use std::collections::BTreeMap;
///
/// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let headers = BTreeMap::from([("Traceparent".to_owned(), traceparent.to_owned())]);
/// let context = TraceContextPropagator::new()
///     .extract_with_context(&Context::new(), &CarrierExtractor::new(&headers));
/// assert!(context.span().span_context().is_remote());
/// ```
#[derive(Debug)]
pub struct CarrierExtractor<'a, C, H: ?Sized> {
    headers: &'a H,
    client: PhantomData<C>,
}

impl<'a, C, H: Carrier<C> + ?Sized> CarrierExtractor<'a, C, H> {
    /// Wraps `headers` for one extraction.
    pub fn new(headers: &'a H) -> Self {
        Self {
            headers,
            client: PhantomData,
        }
    }
}

impl<C, H: Carrier<C> + ?Sized> Extractor for CarrierExtractor<'_, C, H> {
    fn get(&self, key: &str) -> Option<&str> {
        self.headers.get(key)
    }

    fn keys(&self) -> Vec<&str> {
        self.headers.keys().collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let mut values: Vec<&str> = Vec::new();
        for value in self.headers.get_all(key) {
            // Equal neighbours count as one: pipelines that append send the same context twice.
            if values.last() != Some(&value) {
                values.push(value);
            }
        }
        (!values.is_empty()).then_some(values)
    }
}

/// Hands a carrier to any OpenTelemetry propagator for writing.
///
/// Each field is written once, in place of what stood there. An empty value is not written: it
/// says nothing, and some readers take it for a malformed one. What the protocol cannot represent
/// is left out and counted in [`dropped_fields`](crate::dropped_fields).
///
/// A propagator that has nothing to write leaves old fields where they are;
/// [`inject`](crate::inject) removes them first.
#[derive(Debug)]
pub struct CarrierInjector<'a, C, H: ?Sized> {
    headers: &'a mut H,
    dropped: Vec<CarrierError>,
    client: PhantomData<C>,
}

impl<'a, C, H: CarrierMut<C> + ?Sized> CarrierInjector<'a, C, H> {
    /// Wraps `headers` for one injection.
    pub fn new(headers: &'a mut H) -> Self {
        Self {
            headers,
            dropped: Vec::new(),
            client: PhantomData,
        }
    }

    pub(crate) fn remove(&mut self, field: &str) {
        self.headers.remove(field);
    }
}

impl<C, H: CarrierMut<C> + ?Sized> Injector for CarrierInjector<'_, C, H> {
    fn set(&mut self, key: &str, value: String) {
        if value.is_empty() {
            self.headers.remove(key);
        } else if let Err(error) = self.headers.set(key, value) {
            self.dropped.push(error);
        }
    }
}

/// Reported here and not at once: the propagator may be called under OpenTelemetry's global lock,
/// and a report may end in a message.
impl<C, H: ?Sized> Drop for CarrierInjector<'_, C, H> {
    fn drop(&mut self) {
        self.dropped.drain(..).for_each(dropped::report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn headers(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let entries = entries.iter();
        entries
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn equal_duplicates_count_as_one() {
        let twice = headers(&[("A", "1"), ("a", "1")]);
        let twice = CarrierExtractor::new(&twice);
        assert_eq!(twice.get_all("a"), Some(vec!["1"]));
        assert_eq!(twice.get("a"), Some("1"));
        let differing = headers(&[("A", "1"), ("a", "2")]);
        let differing = CarrierExtractor::new(&differing);
        assert_eq!(differing.get_all("a"), Some(vec!["1", "2"]));
        assert_eq!(differing.get("a"), None);
        assert_eq!(differing.get_all("b"), None);
    }

    #[test]
    fn an_empty_value_removes_the_header() {
        let mut headers = headers(&[("Tracestate", "old"), ("order", "7")]);
        CarrierInjector::new(&mut headers).set("tracestate", String::new());
        assert_eq!(headers.len(), 1);
    }
}
