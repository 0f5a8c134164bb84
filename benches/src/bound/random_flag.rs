//! The flag "random trace id", which has to go out as it came in (SECURITY.md: a message that is sent on carries one
//! context; Trace Context Level 2, section 3.2.2.5). The SDK clears all flags of a span that its sampler drops, so the
//! context has to remember this one.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceId};

const RANDOM: u8 = 0x02;

/// The trace that has the flag. Contexts that are made of this one inherit it.
struct RandomTrace(TraceId);

#[inline]
fn is_set(flags: TraceFlags) -> bool {
    flags.to_u8() & RANDOM != 0
}

/// `context` with the span that sent the message.
#[inline]
pub fn with_sender(context: &Context, sender: SpanContext) -> Context {
    let (trace_id, is_random) = (sender.trace_id(), is_set(sender.trace_flags()));
    let context = context.with_remote_span_context(sender);
    if is_random {
        context.with_value(RandomTrace(trace_id))
    } else {
        context
    }
}

/// The flags with which `span`, which was started in `context` or is its span, goes out.
#[inline(always)]
pub fn flags(span: &SpanContext, context: &Context) -> u8 {
    let flags = span.trace_flags();
    if is_set(flags) || !is_inherited(span, context) {
        flags.to_u8()
    } else {
        flags.to_u8() | RANDOM
    }
}

#[inline(always)]
fn is_inherited(span: &SpanContext, context: &Context) -> bool {
    let trace_id = span.trace_id();
    let parent = context.span();
    let parent = parent.span_context();
    (is_set(parent.trace_flags()) && parent.trace_id() == trace_id)
        || context
            .get::<RandomTrace>()
            .is_some_and(|random| random.0 == trace_id)
}
