//! The pair of both, also without a detour between a context and a message's headers.

use super::traceparent::Traceparent;
use super::{
    BAGGAGE, BaggagePropagator, TRACEPARENT, TRACESTATE, TraceContextPropagator, baggage, cut_list,
    trace_context,
};
use crate::bridge::CarrierExtractor;
use crate::carrier::{Carrier, CarrierError, CarrierMut};
use crate::dropped;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use std::borrow::Cow;
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

pub(crate) const FIELDS: [&str; 3] = [TRACEPARENT, TRACESTATE, BAGGAGE];

static OWNED_FIELDS: LazyLock<[String; 3]> = LazyLock::new(|| FIELDS.map(str::to_owned));

impl TextMapPropagator for W3cPropagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        self.trace_context.inject_context(context, injector);
        self.baggage.inject_context(context, injector);
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let context = self.trace_context.extract_with_context(context, extractor);
        self.baggage.extract_with_context(&context, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(OWNED_FIELDS.as_slice())
    }
}

/// Writes `context` into headers, in place of what they held, in at most `budget` bytes. It comes
/// to the same as going by way of the propagator, without a `String` for each value.
pub(crate) fn inject<C, H>(context: &Context, headers: &mut H, budget: usize)
where
    H: CarrierMut<C> + ?Sized,
{
    headers.remove(&FIELDS);
    let span = context.span();
    let span = span.span_context();
    let members = context.baggage();
    let mut dropped = None;
    let mut set = |name, value: Cow<'_, str>| {
        if let Err(error) = headers.set(name, value) {
            let (count, first) = dropped.unwrap_or((0, error));
            dropped = Some((count + 1, first));
        }
    };
    let mut room = budget;
    if span.is_valid() {
        let traceparent = Traceparent::of(span);
        let value = traceparent.as_str();
        room = room.saturating_sub(TRACEPARENT.len() + value.len());
        set(TRACEPARENT, Cow::Borrowed(value));
        let state = trace_context::state_of(span);
        room = set_list(TRACESTATE, state, room, &mut set);
    }
    if !members.is_empty() {
        set_list(BAGGAGE, baggage::header(members), room, &mut set);
    }
    if let Some((count, error)) = dropped {
        dropped::report(count, error);
    }
}

/// Writes what fits of a list, from the left, and tells what the next one may take: nothing if
/// this one had to give way.
fn set_list(
    name: &'static str,
    mut list: String,
    room: usize,
    set: &mut impl FnMut(&'static str, Cow<'_, str>),
) -> usize {
    if list.is_empty() {
        return room;
    }
    let rest = room.checked_sub(name.len() + list.len());
    if rest.is_none() {
        list.truncate(cut_list(&list, room.saturating_sub(name.len())).len());
        dropped::report(1, CarrierError::TooLarge);
    }
    if !list.is_empty() {
        set(name, Cow::Owned(list));
    }
    rest.unwrap_or(0)
}

/// Reads what headers carry, on top of `context`. It comes to the same as going by way of the
/// propagator, which is the way taken where a header stands there more than once.
pub(crate) fn extract<C, H>(context: Context, headers: &H) -> Context
where
    H: Carrier<C> + ?Sized,
{
    let Some([traceparent, state, baggage]) = headers.get_each(FIELDS) else {
        return w3c().extract_with_context(&context, &CarrierExtractor::new(headers));
    };
    let sender = traceparent.and_then(|header| trace_context::sender(header, || state.into_iter()));
    let context = match sender {
        Some(sender) => context.with_remote_span_context(sender),
        None => context,
    };
    match baggage {
        Some(line) => baggage::extract(context, [line].into_iter()),
        None => context,
    }
}
