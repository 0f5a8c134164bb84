//! Contexts that are made from others.

use opentelemetry::baggage::{BaggageExt, BaggageMetadata, KeyValueMetadata};
use opentelemetry::{Context, Key, StringValue};

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
    with_members(context, other.baggage().iter())
}

/// A member of a baggage, as its iterator gives it.
pub(crate) type Member<'a> = (&'a Key, &'a (StringValue, BaggageMetadata));

/// `context` with these members as its baggage.
pub(crate) fn with_members<'a>(
    context: &Context,
    members: impl Iterator<Item = Member<'a>>,
) -> Context {
    context.with_baggage(members.map(|(key, (value, metadata))| {
        KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
    }))
}
