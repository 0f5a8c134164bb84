//! Starting and closing a span of `tracing`.

use super::callsite;
use crate::context::traced::layer::{self, Layer};
use crate::context::traced::step::{CLOSE, OPEN};
use crate::loss::boundary::SPANS;
use crate::loss::finding::Finding;
use crate::loss::row::Step;
use crate::telemetry::action::Operation;
use crate::telemetry::probe::{PROBE, SUPPRESSED, is_of_no_tracer};
use opentelemetry::Context;
use opentelemetry::trace::{SpanBuilder, SpanId, TraceContextExt};
use tracing::Span;
use tracing_opentelemetry::{OpenTelemetrySpanExt, SetParentError};

/// What came of opening a span of `tracing`.
pub(crate) enum Opened {
    /// OpenTelemetry does not know it yet.
    Span(Span),
    /// No subscriber wants it, or OpenTelemetry would not see it.
    Unwanted,
    /// A layer panicked, is off, or is what this was called by.
    Failed,
}

/// What came of starting it.
pub(crate) enum Started {
    /// OpenTelemetry sees it, in this context. The layer is known to make it current when the span is entered, or not.
    Seen(Span, Context, bool),
    /// OpenTelemetry would not see it: the caller then starts one of OpenTelemetry alone.
    Unseen,
    /// A layer, a sampler or a processor panicked.
    Failed,
}

/// Whether a span may be opened: there may be a layer that exports it.
pub(crate) fn may_open() -> bool {
    Layer::current() != Some(Layer::Lost)
}

/// Opens a span of this kind if a subscriber wants it. OpenTelemetry calls it `name`.
pub(crate) fn open<'n>(operation: Operation, name: impl FnOnce() -> &'n str) -> Opened {
    if !may_open() {
        return Opened::Unwanted;
    }
    // In one go: filters of layers remember their answer until the span is opened.
    match SPANS.ask(OPEN, || callsite::open(operation, name)) {
        None => Opened::Failed,
        Some(span) if span.is_disabled() => {
            layer::report(&Finding::SpansFiltered);
            Opened::Unwanted
        }
        Some(span) => Opened::Span(span),
    }
}

/// Starts a span that was opened as what `builder` describes, with `parent` as its parent and not
/// whatever span is entered here.
pub(crate) fn start(span: Span, builder: SpanBuilder, parent: &Context) -> Started {
    // Borrowed: a panic must not close the span while it unwinds, since layers are told of that too.
    let prepared = SPANS.call(Step::START, || prepare(&span, builder, parent));
    match prepared {
        Some(Ok(context)) => {
            let is_layers = Layer::current() == Some(Layer::Activates);
            Started::Seen(span, context, is_layers)
        }
        Some(Err(finding)) => {
            close(span);
            layer::report(&finding);
            Started::Unseen
        }
        None => {
            close(span);
            Started::Failed
        }
    }
}

/// Tells OpenTelemetry's layer what the span is, and starts it.
fn prepare(span: &Span, builder: SpanBuilder, parent: &Context) -> Result<Context, Finding> {
    give_parent(span, parent)?;
    // Before the span is started, so that a sampler sees them.
    for link in builder.links.into_iter().flatten() {
        span.add_link_with_attributes(link.span_context, link.attributes);
    }
    for attribute in builder.attributes.into_iter().flatten() {
        span.set_attribute(attribute.key, attribute.value);
    }
    let context = started(span)?;
    if context.span().span_context().span_id() == SpanId::INVALID {
        // What came in goes out.
        return Err(Finding::LayerWithoutTracer);
    }
    Ok(context)
}

fn give_parent(span: &Span, parent: &Context) -> Result<(), Finding> {
    span.set_parent(parent.clone())
        .map_err(|error| match error {
            SetParentError::LayerNotFound => {
                Layer::Lost.remember();
                Finding::LayerNotFound
            }
            _ => Finding::SpansFiltered,
        })
}

fn started(span: &Span) -> Result<Context, Finding> {
    let context = span.context();
    if context.has_active_span() {
        Ok(context)
    } else {
        // The layer has a filter of its own: it says yes to a parent, and knows no span.
        Err(Finding::SpansFiltered)
    }
}

/// Tries a span of this kind in a context in which telemetry is suppressed. `None` where there is no
/// subscriber, or it cannot be asked.
#[cold]
pub(crate) fn check(operation: Operation) -> Option<Result<(), Finding>> {
    if layer::is_nobody_there() {
        return None;
    }
    if Layer::current() == Some(Layer::Lost) {
        return Some(Err(Finding::LayerNotFound));
    }
    let span = SPANS.ask(OPEN, || callsite::open(operation, || PROBE))?;
    let mut is_exported = false;
    let checked = SPANS.call(Step::START, || {
        give_parent(&span, &SUPPRESSED)?;
        let context = started(&span)?;
        is_exported = context.span().is_recording();
        if is_of_no_tracer(context.span().span_context()) {
            return Err(Finding::LayerWithoutTracer);
        }
        Ok(())
    });
    if is_exported || checked == Some(Err(Finding::LayerNotFound)) {
        // A layer that cannot be found, or a tracer that knows nothing of suppression, would export it
        // when it is closed.
        std::mem::forget(span);
    } else {
        close(span);
    }
    checked
}

/// Starts a span that is not to be exported, to see which sampler the layer's tracer has. `false` if there is no
/// layer that starts it.
#[cold]
pub(crate) fn try_sampler(parent: &Context) -> bool {
    let Opened::Span(span) = open(Operation::Process, || PROBE) else {
        return false;
    };
    let mut is_exported = false;
    let is_started = SPANS.call(Step::START, || {
        give_parent(&span, parent)?;
        is_exported = started(&span)?.span().is_recording();
        Ok::<_, Finding>(())
    });
    if is_exported || is_started == Some(Err(Finding::LayerNotFound)) {
        // Closed, it would be exported.
        std::mem::forget(span);
    } else {
        close(span);
    }
    is_started == Some(Ok(()))
}

/// Drops a span that was opened and is not wanted after all, so that nobody exports it.
pub(crate) fn discard(span: Span) {
    // OpenTelemetry's SDK makes spans in a suppressed context without ids.
    let parent = &*SUPPRESSED;
    SPANS.call(Step::START, || {
        give_parent(&span, parent).and_then(|()| started(&span))
    });
    close(span);
}

/// Drops a span that [`start`] has given.
pub(crate) fn close(span: Span) {
    if !span.is_none() {
        SPANS.call(CLOSE, || drop(span));
    }
}
