//! The context of a message that came in.

use super::{baggage, random_flag, traceparent, tracestate};
use crate::client::Client;
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceState};
use otel_messaging::adapter::{Carrier, Contexts, FieldSet};

/// The values of `traceparent`, `tracestate` and `baggage`, each in whatever spelling.
pub type Fields<'a> = [Option<&'a [u8]>; 3];

/// What came with a message.
pub struct Came {
    pub context: Context,
    /// Those who may have sent it, where the message names several (SECURITY.md: the crate believes none of them, and
    /// links to each).
    pub senders: Vec<SpanContext>,
}

impl Came {
    /// The same of a message that has no part in its sender's trace.
    #[cold]
    pub fn too_often(self) -> Self {
        let sender = self.context.span().span_context().clone();
        Self {
            context: self.context.with_remote_span_context(SpanContext::NONE),
            senders: vec![sender],
        }
    }
}

#[inline]
pub fn read<C: Client>(headers: Option<&C::Headers>) -> Came {
    let Some(headers) = headers else {
        return one(empty());
    };
    came(C::fields(headers), || {
        Carrier::<C::Marker>::contexts(headers)
    })
}

/// The same from the fields that were found in headers wherever they are. Without them a field stands there more than
/// once, and `contexts` says what counts.
#[inline(always)]
pub fn came<'a>(fields: Option<Fields<'a>>, contexts: impl FnOnce() -> Contexts<'a>) -> Came {
    match fields {
        Some([None, _, None]) => one(empty()),
        Some(fields) => one(context(fields)),
        None => several(contexts),
    }
}

#[inline(always)]
fn one(context: Context) -> Came {
    Came {
        context,
        senders: Vec::new(),
    }
}

#[inline(always)]
fn context([traceparent, tracestate, baggage]: Fields<'_>) -> Context {
    let mut context = empty();
    if let Some((trace_id, span_id, flags)) = traceparent.and_then(traceparent::parse) {
        // Only beside a valid traceparent does a tracestate count.
        let state = tracestate.and_then(tracestate::parse).unwrap_or_default();
        let sender = SpanContext::new(trace_id, span_id, flags, true, state);
        context = random_flag::with_sender(&context, sender);
    }
    match baggage.and_then(baggage::parse) {
        Some(baggage) => with_baggage(&context, baggage),
        None => context,
    }
}

/// In which telemetry is suppressed if it is now: one of the rules.
#[inline]
fn empty() -> Context {
    let context = Context::new();
    if Context::is_current_telemetry_suppressed() {
        return context.with_telemetry_suppressed();
    }
    context
}

#[inline(never)]
fn with_baggage(context: &Context, baggage: Baggage) -> Context {
    context.with_baggage(baggage)
}

/// Where a field stands more than once.
#[cold]
#[inline(never)]
fn several<'a>(contexts: impl FnOnce() -> Contexts<'a>) -> Came {
    match contexts() {
        Contexts::One(set) => one(context_of(&set)),
        Contexts::Contradicting(sets) => Came {
            context: empty(),
            senders: sets.iter().filter_map(sender).collect(),
        },
        _ => one(empty()),
    }
}

fn context_of(set: &FieldSet<'_>) -> Context {
    let mut context = empty();
    if let Some(sender) = sender(set) {
        context = random_flag::with_sender(&context, sender);
    }
    let lines = (!set.baggage.is_empty()).then(|| set.baggage.join(","));
    match lines.and_then(|lines| baggage::parse(lines.as_bytes())) {
        Some(baggage) => with_baggage(&context, baggage),
        None => context,
    }
}

fn sender(set: &FieldSet<'_>) -> Option<SpanContext> {
    let (trace_id, span_id, flags) = traceparent::parse(set.traceparent?.as_bytes())?;
    let lines = set.tracestate.join(",");
    let state = tracestate::parse(lines.as_bytes()).unwrap_or(TraceState::NONE);
    Some(SpanContext::new(trace_id, span_id, flags, true, state))
}
