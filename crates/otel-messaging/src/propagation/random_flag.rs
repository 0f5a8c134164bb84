//! The flag "random trace id" (Trace Context Level 2, section 3.2.2.5). It is the trace's, and goes
//! out as it came in. OpenTelemetry's SDK takes it from the parent, but clears all flags of a span
//! that its sampler drops; so the context remembers the flag beside the span.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceId};

const RANDOM: u8 = 0x02;

/// The trace whose flag is set. Contexts with spans that are started inside inherit it.
struct RandomTrace(TraceId);

#[inline]
fn is_set(flags: TraceFlags) -> bool {
    flags.to_u8() & RANDOM != 0
}

/// `context` with the span that sent a message.
#[inline]
pub(crate) fn with_sender(context: &Context, sender: SpanContext) -> Context {
    let trace_id = sender.trace_id();
    let is_lost = !is_set(sender.trace_flags()) && is_remembered(context, trace_id);
    let with_sender = with_first_sender(context, sender);
    if is_lost {
        // What was read before does not count any more.
        remember(&with_sender, TraceId::INVALID)
    } else {
        with_sender
    }
}

/// The same for a context that remembers nothing yet.
#[inline]
pub(crate) fn with_first_sender(context: &Context, sender: SpanContext) -> Context {
    let (trace_id, flags) = (sender.trace_id(), sender.trace_flags());
    let with_sender = context.with_remote_span_context(sender);
    if is_set(flags) {
        remember(&with_sender, trace_id)
    } else {
        with_sender
    }
}

/// `context`, whose span was started under `parent`, with the flag of the trace that both are in.
#[inline]
pub(crate) fn keep(context: Context, parent: &Context) -> Context {
    if is_lost(&context, parent) {
        remember_own(context)
    } else {
        context
    }
}

/// `context` with the flag of its own span's trace.
pub(crate) fn remember_own(context: Context) -> Context {
    let trace_id = context.span().span_context().trace_id();
    remember(&context, trace_id)
}

/// Whether the span of `context`, which was started under `parent`, is without the flag of the trace that both are in.
#[inline]
pub(crate) fn is_lost(context: &Context, parent: &Context) -> bool {
    let parent = parent.span();
    let parent = parent.span_context();
    is_set(parent.trace_flags()) && is_lost_of(context, parent)
}

fn is_lost_of(context: &Context, parent: &SpanContext) -> bool {
    let span = context.span();
    let span = span.span_context();
    parent.trace_id() == span.trace_id() && !is_set(flags(context, span))
}

/// The flags that go out with the span of `context`.
#[inline]
pub(crate) fn flags(context: &Context, span: &SpanContext) -> TraceFlags {
    let flags = span.trace_flags();
    if is_set(flags) || !is_remembered(context, span.trace_id()) {
        flags
    } else {
        flags | TraceFlags::new(RANDOM)
    }
}

#[inline]
fn is_remembered(context: &Context, trace_id: TraceId) -> bool {
    context
        .get::<RandomTrace>()
        .is_some_and(|random| random.0 == trace_id)
}

fn remember(context: &Context, trace_id: TraceId) -> Context {
    context.with_value(RandomTrace(trace_id))
}
