//! The bound's spans: as few allocations as a span of these attributes can have.

use super::Calls;
use opentelemetry::global::{BoxedSpan, BoxedTracer};
use opentelemetry::trace::{Span, SpanBuilder, SpanKind};
use opentelemetry::{Context, KeyValue};

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

/// Starts the span of a message that is sent, and writes it into new headers.
#[inline]
pub fn start<C: Calls>(tracer: &BoxedTracer, builder: SpanBuilder) -> (BoxedSpan, C::Headers) {
    Context::map_current(|parent| {
        let span = builder.start_with_context(tracer, parent);
        let headers = C::write_by_hand(span.span_context(), parent);
        (span, headers)
    })
}
