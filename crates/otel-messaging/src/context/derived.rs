//! Contexts that are made from others.

use opentelemetry::Context;
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};

/// A context without span, baggage and values, in which telemetry is suppressed if it is now.
#[inline(always)]
pub(crate) fn empty_context() -> Context {
    let context = Context::new();
    if Context::is_current_telemetry_suppressed() {
        context.with_telemetry_suppressed()
    } else {
        context
    }
}

/// `context` with the baggage of another.
pub(crate) fn with_baggage_of(context: &Context, other: &Context) -> Context {
    let members = other.baggage().iter();
    context.with_baggage(members.map(|(key, (value, metadata))| {
        KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
    }))
}
