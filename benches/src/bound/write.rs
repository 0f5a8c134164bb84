//! A context on its way into the headers of a message.

use super::room::Room;
use super::{BAGGAGE, TRACESTATE, baggage, random_flag, traceparent, tracestate};
use crate::client::Client;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::SpanContext;
use otel_messaging::adapter::CarrierMut;

/// The context `context` with `span` in the place of its span, in the headers of a message that has `room` bytes for
/// them, in place of any context that they have. `headers` are the caller's, if it gave some.
#[inline(always)]
pub fn write<C: Client>(
    headers: Option<C::Headers>,
    span: &SpanContext,
    context: &Context,
    room: usize,
) -> Option<C::Headers> {
    // SECURITY.md: while telemetry is suppressed, the headers stay as they are.
    if context.is_telemetry_suppressed() {
        return headers;
    }
    let (headers, left) = match headers {
        None => (None, Some(room.saturating_sub(C::AROUND))),
        Some(headers) => {
            let (headers, left) = cleared::<C>(headers, room);
            (Some(headers), left)
        }
    };
    let members = context.baggage();
    if !span.is_valid() && members.is_empty() {
        return headers;
    }
    // SECURITY.md: a context that cannot be propagated does not make a message fail.
    let left = left.and_then(|left| Room::of(left, C::PER_HEADER, span.is_valid()));
    let Some(mut left) = left else {
        return headers;
    };
    let mut headers = headers.unwrap_or_else(C::new_headers);
    if span.is_valid() {
        let flags = random_flag::flags(span, context);
        headers = C::add_parent(headers, &traceparent::format(span, flags));
        if let Some(state) = tracestate::format(span.trace_state())
            && let Some(state) = left.take(TRACESTATE, state)
        {
            headers = C::add_list(headers, TRACESTATE, state);
        }
    }
    if let Some(list) = baggage::format(members)
        && let Some(list) = left.take(BAGGAGE, list)
    {
        headers = C::add_list(headers, BAGGAGE, list);
    }
    Some(headers)
}

/// The headers without any context (SECURITY.md: one context replaces all that came in), and what they leave of the
/// room; `None` if they take more.
#[inline(always)]
fn cleared<C: Client>(headers: C::Headers, room: usize) -> (C::Headers, Option<usize>) {
    match C::left(&headers, room) {
        Some(left) => (headers, left),
        None => cleared_of_old::<C>(headers, room),
    }
}

#[cold]
#[inline(never)]
fn cleared_of_old<C: Client>(mut headers: C::Headers, room: usize) -> (C::Headers, Option<usize>) {
    let fields = [super::TRACEPARENT, TRACESTATE, BAGGAGE];
    CarrierMut::<C::Marker>::remove(&mut headers, &fields);
    let left = CarrierMut::<C::Marker>::left_of(&headers, room);
    (headers, left)
}
