//! Carriers as OpenTelemetry's own `Extractor` and `Injector`.

use crate::carrier::{Carrier, CarrierError, CarrierMut, is_name};
use crate::contexts::Several;
use crate::dropped;
use crate::propagation::{BAGGAGE, FIELDS, TRACEPARENT, TRACEPARENT_SIZE, TRACESTATE, shorten};
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::SpanContext;
use std::cell::OnceCell;
use std::marker::PhantomData;

/// Hands a carrier to any OpenTelemetry propagator for reading.
///
/// What it does with hostile input is what the [`Carrier`] does with it. Where `traceparent`,
/// `tracestate` or `baggage` stands there more than once, the three are those of the context that
/// counts, as [`Carrier::contexts`] says. Where contexts contradict each other the three are absent,
/// and that is counted in [`refused_fields`](crate::refused_fields), once for this value.
///
/// ```
/// use opentelemetry::Context;
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::trace::TraceContextExt;
/// use otel_messaging::CarrierExtractor;
/// use otel_messaging::propagation::TraceContextPropagator;
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
    /// Each stands there once or not at all.
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

    /// What stands there of the fields, and which of them this key is; `None` for other keys.
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

/// Hands a carrier to any OpenTelemetry propagator for writing.
///
/// Each field is written once, in place of what stood there. An empty value is not written: it
/// says nothing, and some readers take it for a malformed one. What the protocol cannot represent
/// is left out and counted in [`dropped_fields`](crate::dropped_fields).
///
/// A propagator that has nothing to write leaves old fields where they are;
/// [`inject`](crate::inject) removes them first.
#[derive(Debug)]
pub struct CarrierInjector<'a, C, H: CarrierMut<C> + ?Sized> {
    headers: &'a mut H,
    /// In bytes, names and values; `usize::MAX` for none.
    budget: usize,
    /// What the fields that are kept whole or not at all have taken of it.
    taken: usize,
    /// What is kept for a traceparent that has not come yet.
    reserved: usize,
    /// What the lists have taken: `tracestate` and `baggage`, which can be shortened.
    lists: usize,
    dropped: Dropped,
    client: PhantomData<C>,
}

/// What was not written: how many fields, and why the first.
type Dropped = Option<(u64, CarrierError)>;

impl<'a, C, H: CarrierMut<C> + ?Sized> CarrierInjector<'a, C, H> {
    /// Wraps `headers` for one injection.
    pub fn new(headers: &'a mut H) -> Self {
        Self::with_budget(headers, usize::MAX)
    }

    pub(crate) fn with_budget(headers: &'a mut H, budget: usize) -> Self {
        Self {
            headers,
            budget,
            taken: 0,
            reserved: TRACEPARENT_SIZE,
            lists: 0,
            dropped: None,
            client: PhantomData,
        }
    }

    pub(crate) fn remove(&mut self, field: &str) {
        self.headers.remove(&[field]);
    }

    #[inline(never)]
    fn set_within(&mut self, key: &str, value: String) {
        let size = key.len() + value.len();
        let is_list = is_name(key.as_bytes(), TRACESTATE) || is_name(key.as_bytes(), BAGGAGE);
        // A longer one is not by the letter of the specification.
        let is_traceparent = is_name(key.as_bytes(), TRACEPARENT) && size <= TRACEPARENT_SIZE;
        if !is_list
            && !is_traceparent
            && size > self.budget.saturating_sub(self.taken + self.reserved)
        {
            self.headers.remove(&[key]);
            return self.count(CarrierError::TooLarge);
        }
        if is_traceparent {
            self.reserved = 0;
        }
        match self.headers.set(key, value.into()) {
            Ok(()) if is_list => self.lists += size,
            Ok(()) => self.taken += size,
            Err(error) => self.count(error),
        }
    }

    #[cold]
    fn count(&mut self, error: CarrierError) {
        let (count, first) = self.dropped.unwrap_or((0, error));
        self.dropped = Some((count + 1, first));
    }

    /// Shortens one of the lists so that it takes no more than `room` bytes with its name, and
    /// tells what the next one may take: nothing if this one had to give way.
    #[cold]
    fn shorten(&mut self, name: &str, room: usize) -> usize {
        let Some(value) = self.headers.get(name) else {
            return room;
        };
        if let Some(rest) = room.checked_sub(name.len() + value.len()) {
            return rest;
        }
        let kept = shorten(name, value, room.saturating_sub(name.len()));
        self.count(CarrierError::TooLarge);
        if kept.is_empty() {
            self.headers.remove(&[name]);
        } else if let Err(error) = self.headers.set(name, kept.into()) {
            self.count(error);
        }
        0
    }
}

impl<C, H: CarrierMut<C> + ?Sized> Injector for CarrierInjector<'_, C, H> {
    #[inline]
    fn set(&mut self, key: &str, value: String) {
        if value.is_empty() {
            self.headers.remove(&[key]);
            return;
        }
        if self.budget == usize::MAX {
            if let Err(error) = self.headers.set(key, value.into()) {
                self.count(error);
            }
            return;
        }
        self.set_within(key, value);
    }
}

/// Keeps to the budget and reports, here and not at once: a list is shortened only when it is
/// known what the other fields take, and the propagator may be called under OpenTelemetry's
/// global lock, where a report must not end in a message.
impl<C, H: CarrierMut<C> + ?Sized> Drop for CarrierInjector<'_, C, H> {
    fn drop(&mut self) {
        let room = self.budget.saturating_sub(self.taken);
        if self.lists > room {
            let room = self.shorten(TRACESTATE, room);
            self.shorten(BAGGAGE, room);
        }
        if let Some((count, error)) = self.dropped {
            dropped::report(count, error);
        }
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

    /// It is the application's propagator that says so.
    #[test]
    fn what_is_too_long_for_a_traceparent_has_to_fit() {
        for (budget, fits) in [(277, true), (276, false)] {
            let mut carrier = headers(&[]);
            let mut injector = CarrierInjector::with_budget(&mut carrier, budget);
            // Beside the room that is kept for a traceparent.
            injector.set("traceparent", "x".repeat(200));
            drop(injector);
            assert_eq!(carrier.len(), usize::from(fits), "{budget}");
        }
    }

    #[test]
    fn baggage_goes_first_then_tracestate_and_traceparent_never() {
        let all = [
            ("baggage", "a=1,b=2,c=3"),
            ("b3", "xxxx"),
            (
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ),
            ("tracestate", "x=1,y=2"),
        ];
        // b3 takes 6 bytes, traceparent 66, tracestate 17, baggage 18.
        let cases = [
            (107, &all[..]),
            (106, &[("baggage", "a=1,b=2"), all[1], all[2], all[3]]),
            (100, &[("baggage", "a=1"), all[1], all[2], all[3]]),
            (98, &[all[1], all[2], all[3]]),
            (88, &[all[1], all[2], ("tracestate", "x=1")]),
            (84, &[all[1], all[2]]),
            (72, &[all[1], all[2]]),
            (71, &[all[2]]),
            (5, &[all[2]]),
        ];
        for (budget, expected) in cases {
            let mut carrier = headers(&[("order", "7")]);
            {
                let mut injector = CarrierInjector::with_budget(&mut carrier, budget);
                for (name, value) in all {
                    injector.set(name, value.to_owned());
                }
            }
            carrier.remove("order").unwrap();
            assert_eq!(carrier, headers(expected), "{budget}");
        }
    }
}
