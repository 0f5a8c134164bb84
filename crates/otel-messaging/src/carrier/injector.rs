//! A carrier as OpenTelemetry's own `Injector`.

use crate::carrier::headers::CarrierMut;
use crate::field::list::shorten;
use crate::field::name::{BAGGAGE, TRACEPARENT, TRACEPARENT_SIZE, TRACESTATE, is_name};
use crate::loss::count::report;
use crate::loss::reason::CarrierError;
use opentelemetry::propagation::Injector;
use std::marker::PhantomData;

/// Hands a carrier to any OpenTelemetry propagator for writing.
///
/// It writes each field once, in place of older values. It does not write an empty value, because some
/// readers treat that as malformed. Values that the protocol cannot represent are left out and counted in
/// [`dropped_fields`](crate::loss::dropped_fields).
///
/// A propagator that has nothing to write leaves old fields in place; [`inject`](crate::inject) removes
/// them first.
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
            report(count, error);
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
