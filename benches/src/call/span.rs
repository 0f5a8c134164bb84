//! The bound's spans: as few allocations as a span of these attributes can have.

use crate::bound;
use crate::client::Client;
use opentelemetry::global::{BoxedSpan, BoxedTracer};
use opentelemetry::trace::{Span, SpanBuilder, SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What every span of an operation has.
pub(super) struct Operation {
    kind: SpanKind,
    system: &'static str,
    /// The operation's name and its type.
    operation: [&'static str; 2],
    /// How many attributes the answer adds.
    later: usize,
}

impl Operation {
    pub(super) fn processing(system: &'static str) -> Self {
        Self {
            kind: SpanKind::Consumer,
            system,
            operation: ["process", "process"],
            later: 0,
        }
    }

    pub(super) fn sending(system: &'static str, name: &'static str, later: usize) -> Self {
        Self {
            kind: SpanKind::Producer,
            system,
            operation: [name, "send"],
            later,
        }
    }

    /// The destination is given in parts.
    #[inline]
    pub(super) fn span<const PARTS: usize, const MORE: usize>(
        self,
        destination: [&str; PARTS],
        more: [KeyValue; MORE],
    ) -> SpanBuilder {
        let destination = destination.concat();
        let [operation, operation_type] = self.operation;
        let name = [operation, " ", &destination].concat();
        let mut attributes = Vec::with_capacity(4 + MORE + self.later);
        attributes.extend([
            KeyValue::new("messaging.system.name", self.system),
            KeyValue::new("messaging.operation.name", operation),
            KeyValue::new("messaging.operation.type", operation_type),
            KeyValue::new("messaging.destination.name", destination),
        ]);
        attributes.extend(more);
        SpanBuilder::from_name(name)
            .with_kind(self.kind)
            .with_attributes(attributes)
    }
}

/// Starts the span of a message that is sent, and writes it into the message's headers.
#[inline]
pub fn start<C: Client>(
    tracer: &BoxedTracer,
    builder: SpanBuilder,
    headers: Option<C::Headers>,
    room: usize,
) -> (Option<BoxedSpan>, Option<C::Headers>) {
    Context::map_current(|parent| {
        let span = started(tracer, builder, parent);
        let headers = match &span {
            Some(span) => bound::write::<C>(headers, span.span_context(), parent, room),
            None => bound::write::<C>(headers, parent.span().span_context(), parent, room),
        };
        (span, headers)
    })
}

/// Writes the context that is current into the message's headers.
#[inline]
pub(super) fn carry<C: Client>(headers: Option<C::Headers>, room: usize) -> Option<C::Headers> {
    Context::map_current(|context| {
        let span = context.span();
        bound::write::<C>(headers, span.span_context(), context, room)
    })
}

/// SECURITY.md: if a sampler or a span processor panics, the message is still sent or handled. `None` if one does.
#[inline]
pub(super) fn started(
    tracer: &BoxedTracer,
    builder: SpanBuilder,
    parent: &Context,
) -> Option<BoxedSpan> {
    let start = || builder.start_with_context(tracer, parent);
    catch_unwind(AssertUnwindSafe(start)).ok()
}

/// Ends a span; the same holds.
#[inline]
pub(super) fn ended(end: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(end));
}

/// Ends the span of a message that was sent.
#[inline]
pub fn end(span: Option<BoxedSpan>) {
    if let Some(mut span) = span {
        ended(|| span.end());
    }
}
