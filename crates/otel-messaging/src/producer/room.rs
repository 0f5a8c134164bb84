//! A context in a message that has only so much room.

use crate::carrier::headers::CarrierMut;
use crate::field::name::{FIELDS, TRACEPARENT_SIZE};
use crate::loss::count::report;
use crate::loss::reason::CarrierError;
use crate::loss::witness::{self, Seen};
use crate::propagation::settings::Propagation;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;

/// More than what a message takes on the wire beyond its headers.
const AMPLE: usize = 1024;

/// Injects as much of the context as the headers have room for, in bytes of the wire.
pub(crate) fn inject_within<C, H: CarrierMut<C> + Clone>(
    by: &Propagation,
    context: &Context,
    headers: &mut H,
    room: usize,
) {
    // A header has two bytes at least: a context can be that many headers, each with its framing.
    let ample = by.budget.saturating_mul(1 + H::PER_HEADER.div_ceil(2));
    let ample = ample.saturating_add(AMPLE);
    let is_ample = room > ample && headers.left_of(room).is_some_and(|left| left > ample);
    if is_ample || context.is_telemetry_suppressed() {
        by.inject_within(context, headers, usize::MAX);
    } else {
        inject_tightly(by, context, headers, room);
    }
}

#[cold]
#[inline(never)]
fn inject_tightly<C, H: CarrierMut<C> + Clone>(
    by: &Propagation,
    context: &Context,
    headers: &mut H,
    room: usize,
) {
    let given = headers.clone();
    // An older context makes room for this one.
    by.remove(headers);
    let least = if has_span(context) {
        TRACEPARENT_SIZE
    } else {
        0
    };
    if let Some(left) = headers.left_of(room).filter(|left| *left >= least) {
        let without = headers.clone();
        let budget = left.saturating_sub(FIELDS.len() * H::PER_HEADER);
        if !by.inject_within(context, headers, budget) {
            *headers = given;
            return;
        }
        if headers.left_of(room).is_some() {
            return;
        }
        *headers = without;
    }
    count_left_out(context);
}

/// Removes any context from the headers of a message that goes without this one.
#[cold]
pub(crate) fn leave_out<C, H: CarrierMut<C>>(by: &Propagation, context: &Context, headers: &mut H) {
    if !context.is_telemetry_suppressed() {
        by.remove(headers);
        count_left_out(context);
    }
}

fn count_left_out(context: &Context) {
    if has_span(context) || !context.baggage().is_empty() {
        witness::note(Seen::DROPPED);
        report(1, CarrierError::TooLarge);
    }
}

fn has_span(context: &Context) -> bool {
    context.span().span_context().is_valid()
}
