//! A carrier as OpenTelemetry's own `Extractor`.

use crate::carrier::headers::Carrier;
use crate::carrier::several::Several;
use crate::field::name::{FIELDS, is_name};
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::SpanContext;
use std::cell::OnceCell;
use std::marker::PhantomData;

/// Hands a carrier to any OpenTelemetry propagator for reading.
///
/// It passes on how the [`Carrier`] treats hostile input. If `traceparent`, `tracestate` or `baggage`
/// occurs more than once, it gives the three fields of the context that counts ([`Carrier::contexts`]).
/// If contexts contradict each other, the three are absent, and
/// [`refused_fields`](crate::loss::refused_fields) counts that once.
///
/// ```
/// use opentelemetry::Context;
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::trace::TraceContextExt;
/// use otel_messaging::propagation::{CarrierExtractor, TraceContextPropagator};
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
    /// Looked for when one of the fields is first asked for.
    found: OnceCell<Found<'a>>,
    client: PhantomData<C>,
}

/// The fields of W3C's pair.
#[derive(Debug)]
enum Found<'a> {
    /// Each occurs once or not at all.
    Each([Option<&'a [u8]>; 3]),
    Several(Several<'a>),
}

impl<'a, C, H: Carrier<C> + ?Sized> CarrierExtractor<'a, C, H> {
    /// Wraps `headers` for one extraction.
    pub fn new(headers: &'a H) -> Self {
        Self {
            headers,
            found: OnceCell::new(),
            client: PhantomData,
        }
    }

    /// The senders that contradict each other, if the propagator asked for one of their fields.
    pub(crate) fn contradicting(&self) -> Vec<SpanContext> {
        match self.found.get() {
            Some(Found::Several(several)) => several.contradicting(),
            _ => Vec::new(),
        }
    }

    /// The fields that occur, and which of them this key is; `None` for other keys.
    fn field(&self, key: &str) -> Option<(&Found<'a>, usize)> {
        let mut fields = FIELDS.iter();
        let place = fields.position(|field| is_name(key.as_bytes(), field))?;
        let found = self.found.get_or_init(|| {
            let each = self.headers.get_each(FIELDS).map(Found::Each);
            each.unwrap_or_else(|| Found::Several(Several::of(self.headers)))
        });
        Some((found, place))
    }
}

impl<C, H: Carrier<C> + ?Sized> Extractor for CarrierExtractor<'_, C, H> {
    fn get(&self, key: &str) -> Option<&str> {
        match self.field(key) {
            None => self.headers.get(key),
            Some((Found::Each(found), place)) => text(found, place),
            Some((Found::Several(several), place)) => match several.lines(place) {
                [] => None,
                [line] => Some(line),
                // One of them, if the carrier has a reason to prefer it.
                lines => self.headers.get(key).filter(|line| lines.contains(line)),
            },
        }
    }

    fn keys(&self) -> Vec<&str> {
        self.headers.keys().collect()
    }

    /// Equal neighbours count as one: pipelines that append send the same context twice.
    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values = match self.field(key) {
            Some((Found::Each(found), place)) => text(found, place).into_iter().collect(),
            Some((Found::Several(several), place)) => several.lines(place).to_vec(),
            None => {
                let mut values: Vec<_> = self.headers.get_all(key).collect();
                values.dedup();
                values
            }
        };
        (!values.is_empty()).then_some(values)
    }
}

fn text<'a>(found: &[Option<&'a [u8]>; 3], place: usize) -> Option<&'a str> {
    str::from_utf8(found.get(place).copied()??).ok()
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
}
