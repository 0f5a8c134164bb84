//! The spans of all services, and whether they are one trace.

use anyhow::{Context, bail, ensure};
use opentelemetry::trace::{SpanId, SpanKind, TraceId};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the exporters of all services put their spans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder {
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Recorder {
    pub(crate) fn exporter(&self, service: &'static str) -> impl SpanExporter + 'static {
        Exporter {
            service,
            recorder: self.clone(),
        }
    }

    /// The spans so far, in the order in which they began.
    pub(crate) fn into_trace(self) -> Trace {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spans = std::mem::take(&mut *spans);
        spans.sort_by_key(|span| span.data.start_time);
        Trace { spans }
    }
}

#[derive(Debug)]
struct Exporter {
    service: &'static str,
    recorder: Recorder,
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = &self.recorder.spans;
        let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
        let service = self.service;
        spans.extend(batch.into_iter().map(|data| Span { service, data }));
        Ok(())
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) service: &'static str,
    pub(crate) data: SpanData,
}

impl Span {
    pub(crate) fn id(&self) -> SpanId {
        self.data.span_context.span_id()
    }

    pub(crate) fn trace_id(&self) -> TraceId {
        self.data.span_context.trace_id()
    }

    fn shown(&self) -> String {
        format!("`{}` of {}", self.data.name, self.service)
    }
}

pub(crate) struct Trace {
    pub(crate) spans: Vec<Span>,
}

/// From the root to the background worker: each is the child of the one before.
const CHAIN: [(&str, SpanKind); 8] = [
    ("shop", SpanKind::Internal),
    ("shop", SpanKind::Producer),
    ("checkout", SpanKind::Consumer),
    ("checkout", SpanKind::Producer),
    ("billing", SpanKind::Consumer),
    ("billing", SpanKind::Producer),
    ("shipping", SpanKind::Consumer),
    ("shipping", SpanKind::Internal),
];

impl Trace {
    /// The root's.
    pub(crate) fn id(&self) -> Option<TraceId> {
        self.spans.first().map(Span::trace_id)
    }

    /// The spans without a parent among these, or those with this one.
    pub(crate) fn children(&self, parent: Option<SpanId>) -> impl Iterator<Item = &Span> {
        let is_here = |id| self.spans.iter().any(|span| span.id() == id);
        self.spans.iter().filter(move |span| {
            let of = span.data.parent_span_id;
            is_here(of).then_some(of) == parent
        })
    }

    /// Whether this is the one trace that it should be.
    ///
    /// # Errors
    ///
    /// The first span that is not joined, and why.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let mut previous: Option<&Span> = None;
        for (service, kind) in CHAIN {
            let span = self.only(service, &kind)?;
            if let Some(parent) = previous {
                check_joined(span, parent)?;
            } else {
                let is_root = span.data.parent_span_id == SpanId::INVALID;
                ensure!(is_root, "{} is not the root of its trace", span.shown());
            }
            previous = Some(span);
        }
        let another = self
            .spans
            .iter()
            .find(|span| Some(span.trace_id()) != self.id());
        match another {
            Some(span) => bail!(
                "{} is not joined: it is in a trace of its own",
                span.shown()
            ),
            None => Ok(()),
        }
    }

    fn only(&self, service: &str, kind: &SpanKind) -> anyhow::Result<&Span> {
        let mut spans = self.spans.iter();
        let mut found = spans
            .by_ref()
            .filter(|span| span.service == service && span.data.span_kind == *kind);
        let span = found
            .next()
            .with_context(|| format!("the {kind:?} span of {service} is missing"))?;
        match found.next() {
            Some(second) => bail!("{} is one too many", second.shown()),
            None => Ok(span),
        }
    }
}

fn check_joined(span: &Span, parent: &Span) -> anyhow::Result<()> {
    let (shown, before) = (span.shown(), parent.shown());
    ensure!(
        span.trace_id() == parent.trace_id(),
        "{shown} is not joined to {before}: it is in the trace {}, not in {}",
        span.trace_id(),
        parent.trace_id(),
    );
    ensure!(
        span.data.parent_span_id == parent.id(),
        "{shown} is not joined to {before}: its parent is another",
    );
    if span.data.span_kind == SpanKind::Consumer {
        let mut links = span.data.links.iter();
        ensure!(
            links.any(|link| link.span_context.span_id() == parent.id()),
            "{shown} is not joined to {before}: it has no link to it",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{Link, TraceContextExt, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    /// The chain, with a chance to change each span.
    fn trace(change: impl Fn(usize, &mut SpanData)) -> Trace {
        let recorder = Recorder::default();
        let mut context = opentelemetry::Context::new();
        for (service, kind) in CHAIN {
            let provider = SdkTracerProvider::builder()
                .with_simple_exporter(recorder.exporter(service))
                .build();
            let tracer = provider.tracer("test");
            let sender = context.span().span_context().clone();
            let span = tracer
                .span_builder("span")
                .with_kind(kind)
                .with_links(vec![Link::with_context(sender)])
                .start_with_context(&tracer, &context);
            context = context.with_span(span);
            context.span().end();
        }
        let mut trace = recorder.into_trace();
        for (index, span) in trace.spans.iter_mut().enumerate() {
            change(index, &mut span.data);
        }
        trace
    }

    fn complaint(change: impl Fn(usize, &mut SpanData)) -> String {
        trace(change).check().unwrap_err().to_string()
    }

    #[test]
    fn an_unbroken_chain_is_joined() {
        trace(|_, _| {}).check().unwrap();
    }

    #[test]
    fn a_span_with_another_parent_is_named() {
        let complaint = complaint(|index, span| {
            if index == 4 {
                span.parent_span_id = SpanId::from(7);
            }
        });
        assert!(complaint.starts_with("`span` of billing is not joined to `span` of checkout"));
    }

    #[test]
    fn a_span_without_its_link_is_named() {
        let complaint = complaint(|index, span| {
            if index == 6 {
                span.links = Default::default();
            }
        });
        assert!(complaint.starts_with("`span` of shipping is not joined"));
        assert!(complaint.ends_with("it has no link to it"));
    }

    #[test]
    fn a_missing_span_is_named() {
        let mut trace = trace(|_, _| {});
        trace.spans.pop();
        let complaint = trace.check().unwrap_err().to_string();
        assert_eq!(complaint, "the Internal span of shipping is missing");
    }

    #[test]
    fn a_second_trace_is_named() {
        let (one, other) = (trace(|_, _| {}), trace(|_, _| {}));
        let spans = one.spans[..5].iter().chain(&other.spans[5..]).cloned();
        let mixed = Trace {
            spans: spans.collect(),
        };
        let complaint = mixed.check().unwrap_err().to_string();
        assert!(complaint.starts_with("`span` of billing is not joined to `span` of billing"));
    }
}
