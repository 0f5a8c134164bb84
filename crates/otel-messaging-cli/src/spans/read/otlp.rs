//! A span in OTLP's JSON.

use super::attributes::Attributes;
use super::capped::Capped;
use super::id::Id;
use super::scalar::Scalar;
use crate::spans::span::{ReadSpan, Role};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resource {
    pub(crate) attributes: Attributes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OtlpSpan {
    #[serde(rename = "traceId", alias = "trace_id")]
    trace: Id,
    #[serde(rename = "spanId", alias = "span_id")]
    span: Id,
    #[serde(rename = "parentSpanId", alias = "parent_span_id")]
    parent: Id,
    kind: Scalar,
    attributes: Attributes,
    links: Capped<Link>,
}

/// What Python's console exporter calls so.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Context {
    #[serde(rename = "traceId", alias = "trace_id")]
    pub(crate) trace: Id,
    #[serde(rename = "spanId", alias = "span_id")]
    pub(crate) span: Id,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Link {
    #[serde(rename = "traceId", alias = "trace_id")]
    trace: Id,
    #[serde(rename = "spanId", alias = "span_id")]
    span: Id,
    /// Where Python's console exporter has the ids.
    context: Context,
}

/// A span of Python's console exporter, whose parts stand beside the resource.
#[derive(Debug, Default)]
pub(crate) struct ConsoleSpan {
    pub(crate) context: Context,
    pub(crate) parent: Id,
    pub(crate) kind: Scalar,
    pub(crate) attributes: Attributes,
    pub(crate) links: Capped<Link>,
}

impl From<ConsoleSpan> for OtlpSpan {
    fn from(span: ConsoleSpan) -> Self {
        Self {
            trace: span.context.trace,
            span: span.context.span,
            parent: span.parent,
            kind: span.kind,
            attributes: span.attributes,
            links: span.links,
        }
    }
}

impl OtlpSpan {
    pub(crate) fn into_read(self) -> ReadSpan {
        let kind = self.kind.into_text();
        let links = self.links.0.iter().map(Link::ids);
        self.attributes.into_read(
            kind,
            ReadSpan {
                trace: self.trace.0,
                id: self.span.span(),
                parent: self.parent.span(),
                links: links.filter(|&(trace, _)| trace != 0).collect(),
                ..ReadSpan::default()
            },
        )
    }
}

impl Link {
    fn ids(&self) -> (u128, u64) {
        let (trace, span) = match self.trace {
            Id(0) => (self.context.trace, self.context.span),
            trace => (trace, self.span),
        };
        (trace.0, span.span())
    }
}

impl Attributes {
    /// The span with what its attributes say of it.
    pub(crate) fn into_read(self, kind: Option<String>, span: ReadSpan) -> ReadSpan {
        let kind = kind.or(self.kind);
        ReadSpan {
            role: Role::of(kind.as_deref(), self.operation.as_deref()),
            destination: self.destination,
            partition: self.partition,
            offset: self.offset,
            message_id: self.message_id,
            ..span
        }
    }
}
