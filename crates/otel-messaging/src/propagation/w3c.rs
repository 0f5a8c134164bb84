//! The pair of both, as a propagator and directly between a context and a message's headers.

use crate::carrier::headers::{Carrier, CarrierMut};
use crate::carrier::several::Several;
use crate::context::derived::empty_context;
use crate::field::list::shorten;
use crate::field::name::{BAGGAGE, FIELDS, TRACEPARENT, TRACESTATE};
use crate::field::sets::Contexts;
use crate::field::value::FieldValue;
use crate::field::{traceparent, tracestate};
use crate::loss::count::report;
use crate::loss::reason::CarrierError;
use crate::propagation::baggage::{self, BaggagePropagator};
use crate::propagation::carried::Carried;
use crate::propagation::random_flag;
use crate::propagation::trace_context::{self, TraceContextPropagator};
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TraceState};
use std::sync::LazyLock;

/// W3C trace context and W3C baggage, as [`w3c`] gives it.
#[derive(Debug, Clone, Copy, Default)]
pub struct W3cPropagator {
    trace_context: TraceContextPropagator,
    baggage: BaggagePropagator,
}

/// The pair of [`TraceContextPropagator`] and [`BaggagePropagator`]: the default of
/// [`Instrumentation`](crate::Instrumentation), and what `OTEL_PROPAGATORS` is by default
/// (OpenTelemetry specification, "Environment variables").
///
/// ```
/// use opentelemetry::global;
///
/// global::set_text_map_propagator(otel_messaging::propagation::w3c());
/// ```
#[must_use]
pub const fn w3c() -> W3cPropagator {
    W3cPropagator {
        trace_context: TraceContextPropagator::new(),
        baggage: BaggagePropagator::new(),
    }
}

fn contradict(extractor: &dyn Extractor) -> bool {
    let lines = extractor.get_all(TRACEPARENT).unwrap_or_default();
    let contexts = Contexts::unordered(lines, [], []);
    matches!(contexts, Contexts::Contradicting(_))
}

static OWNED_FIELDS: LazyLock<[String; 3]> = LazyLock::new(|| FIELDS.map(str::to_owned));

impl TextMapPropagator for W3cPropagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        self.trace_context.inject_context(context, injector);
        self.baggage.inject_context(context, injector);
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let extracted = self.trace_context.extract_with_context(context, extractor);
        // Nobody is believed where senders contradict each other. Then the span is still the one of
        // the given context, which may have one.
        let is_given = extracted.span().span_context() == context.span().span_context();
        if is_given && contradict(extractor) {
            return extracted;
        }
        self.baggage.extract_with_context(&extracted, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(OWNED_FIELDS.as_slice())
    }
}

/// Whether it is the pair itself, and not one that is built on it. Nobody can ask a propagator for its type; but the
/// pair has no state, the names of its fields lie in one place of their own, and it has its own `Debug`.
pub(crate) fn is_the_pair(propagator: &dyn TextMapPropagator) -> bool {
    let own = OWNED_FIELDS.iter().map(|field| field.as_ptr());
    size_of_val(propagator) == size_of::<W3cPropagator>()
        && propagator.fields().map(str::as_ptr).eq(own)
        && format!("{propagator:?}") == format!("{:?}", w3c())
}

/// Writes `context` into headers, in place of what they held, in at most `budget` bytes. It comes
/// to the same as going by way of the propagator, without a `String` for each value.
#[inline]
pub(crate) fn inject<C, H>(context: &Context, headers: &mut H, budget: usize)
where
    H: CarrierMut<C> + ?Sized,
{
    headers.remove(&FIELDS);
    let members = context.baggage();
    if context.has_active_span() || !members.is_empty() {
        write(context, members, headers, budget);
    }
}

#[inline(never)]
fn write<C, H>(context: &Context, members: &Baggage, headers: &mut H, budget: usize)
where
    H: CarrierMut<C> + ?Sized,
{
    let mut room = budget;
    if context.has_active_span() {
        let span = context.span();
        let span = span.span_context();
        if span.is_valid() {
            let traceparent = traceparent::format(span, random_flag::flags(context, span));
            room = room.saturating_sub(TRACEPARENT.len() + traceparent.len());
            add(headers, TRACEPARENT, FieldValue::printable(&traceparent));
            let state = trace_context::state_of(span);
            if !state.is_empty() {
                room = add_list(headers, TRACESTATE, state, room);
            }
        }
    }
    if !members.is_empty() {
        let list = baggage::header(members);
        if !list.is_empty() {
            add_list(headers, BAGGAGE, list, room);
        }
    }
}

#[inline]
fn add<C, H>(headers: &mut H, name: &str, value: FieldValue<'_>)
where
    H: CarrierMut<C> + ?Sized,
{
    if let Err(error) = headers.add(name, value) {
        report(1, error);
    }
}

/// Writes what fits of a list, and tells what the next one may take: nothing if this one had to
/// give way.
fn add_list<C, H>(headers: &mut H, name: &str, mut list: String, room: usize) -> usize
where
    H: CarrierMut<C> + ?Sized,
{
    let rest = room.checked_sub(name.len() + list.len());
    if rest.is_none() {
        list = shorten(name, &list, room.saturating_sub(name.len()));
        report(1, CarrierError::TooLarge);
    }
    if !list.is_empty() {
        add(headers, name, FieldValue::printable_owned(list));
    }
    rest.unwrap_or(0)
}

/// Reads what headers carry, from an empty context. It comes to the same as going by way of the
/// propagator.
#[inline]
pub(crate) fn extract<C, H>(headers: &H) -> Context
where
    H: Carrier<C> + ?Sized,
{
    match headers.get_each(FIELDS) {
        Some([None, _, None]) => empty_context(),
        Some(found) => read_each(found),
        None => read_several(headers).context,
    }
}

/// As [`extract`]; it also tells who sent the message where contexts contradict each other.
#[inline]
pub(crate) fn read<C, H>(headers: &H) -> Carried
where
    H: Carrier<C> + ?Sized,
{
    match headers.get_each(FIELDS) {
        Some([None, _, None]) => Carried::nothing(),
        Some(found) => read_each(found).into(),
        None => read_several(headers),
    }
}

#[inline(never)]
fn read_each([traceparent, state, baggage]: [Option<&[u8]>; 3]) -> Context {
    let context = empty_context();
    let state = || match state {
        Some(state) => tracestate::parse(str::from_utf8(state).into_iter()),
        None => Some(TraceState::NONE),
    };
    // What is valid by its first bytes alone may go on with others, which are to be text too.
    let is_text =
        |header: &&[u8]| header.len() == traceparent::LENGTH || str::from_utf8(header).is_ok();
    let traceparent = traceparent.filter(is_text);
    let sender = traceparent.and_then(|header| trace_context::sender(header, state));
    let context = match sender {
        Some(sender) => random_flag::with_first_sender(&context, sender),
        None => context,
    };
    match baggage {
        Some(line) => baggage::extract(context, str::from_utf8(line).into_iter()),
        None => context,
    }
}

/// Reads headers in which a field stands more than once.
#[cold]
#[inline(never)]
fn read_several<C, H>(headers: &H) -> Carried
where
    H: Carrier<C> + ?Sized,
{
    let several = Several::of(headers);
    let context = empty_context();
    let Some(set) = several.counting() else {
        return Carried {
            senders: several.contradicting(),
            ..context.into()
        };
    };
    let state = || tracestate::parse(set.tracestate.iter().copied());
    let traceparent = set.traceparent.map(str::as_bytes);
    let sender = traceparent.and_then(|header| trace_context::sender(header, state));
    let context = match sender {
        Some(sender) => random_flag::with_first_sender(&context, sender),
        None => context,
    };
    baggage::extract(context, set.baggage.iter().copied()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::propagation::TextMapCompositePropagator;
    use std::fmt;

    /// What an application may build on the pair, to do more than it does. Its `Debug` is the pair's.
    struct With<S>(W3cPropagator, S);

    impl<S> fmt::Debug for With<S> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    impl<S: Send + Sync> TextMapPropagator for With<S> {
        fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
            self.0.inject_context(context, injector);
        }

        fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
            self.0.extract_with_context(context, extractor)
        }

        fn fields(&self) -> FieldIter<'_> {
            self.0.fields()
        }
    }

    #[test]
    fn the_pair_is_told_from_what_is_built_on_it() {
        assert!(is_the_pair(&w3c()));
        let parts: Vec<Box<dyn TextMapPropagator + Send + Sync>> = vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ];
        assert!(!is_the_pair(&TextMapCompositePropagator::new(parts)));
        assert!(!is_the_pair(&With(w3c(), "more")));
        assert!(!is_the_pair(&TraceContextPropagator::new()));
    }
}
