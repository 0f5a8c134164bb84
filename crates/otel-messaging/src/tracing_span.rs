//! Spans of the `tracing` crate, in programs with tracing-opentelemetry.

use crate::boundary::{self, Step};
use crate::finding::Finding;
use crate::operation::with_baggage_of;
use crate::self_check::is_of_no_tracer;
use crate::tracing_callsite;
use crate::tracing_layer::{self, Layer};
use crate::tracing_scope::{self, Began};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanBuilder, SpanId, TraceContextExt};
use tracing::Span;
use tracing_opentelemetry::{OpenTelemetrySpanExt, SetParentError};

/// What came of starting a span of `tracing`.
pub(crate) enum Started {
    /// OpenTelemetry sees it, in this context.
    Seen(Span, Context),
    /// OpenTelemetry would not see it: the caller then starts one of OpenTelemetry alone.
    Unseen,
    /// A layer, a sampler or a processor panicked, is off, or is what this was called by.
    Failed,
}

/// Starts what `builder` describes as a span of `tracing`, with `parent` as its parent and not
/// whatever span is entered here.
pub(crate) fn start(builder: &SpanBuilder, parent: &Context) -> Started {
    if parent.is_telemetry_suppressed() || Layer::current() == Some(Layer::Lost) {
        return Started::Unseen;
    }
    let Some(span) = boundary::SPANS.ask(Step::Open, || tracing_callsite::open(builder)) else {
        return Started::Failed;
    };
    // Borrowed: a panic must not close the span while it unwinds, since layers are told of that too.
    let prepared = boundary::SPANS.call(Step::Start, || prepare(&span, builder, parent));
    match prepared {
        Some(Ok(context)) => Started::Seen(span, context),
        Some(Err(finding)) => {
            close(span);
            tracing_layer::report(&finding);
            Started::Unseen
        }
        None => {
            close(span);
            Started::Failed
        }
    }
}

/// Tells OpenTelemetry's layer what the span is, and starts it.
fn prepare(span: &Span, builder: &SpanBuilder, parent: &Context) -> Result<Context, Finding> {
    give_parent(span, parent)?;
    // Before the span is started, so that a sampler sees them.
    for link in builder.links.iter().flatten() {
        span.add_link_with_attributes(link.span_context.clone(), link.attributes.clone());
    }
    for attribute in builder.attributes.iter().flatten() {
        span.set_attribute(attribute.key.clone(), attribute.value.clone());
    }
    let context = started(span)?;
    if context.span().span_context().span_id() == SpanId::INVALID {
        // What came in goes out.
        return Err(Finding::LayerWithoutTracer);
    }
    Ok(context)
}

fn give_parent(span: &Span, parent: &Context) -> Result<(), Finding> {
    if span.is_disabled() {
        return Err(Finding::SpansFiltered);
    }
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

/// Tries what `builder` describes in a context in which telemetry is suppressed. `None` where there is
/// no subscriber, or it cannot be asked.
#[cold]
pub(crate) fn check(builder: &SpanBuilder, suppressed: &Context) -> Option<Result<(), Finding>> {
    if tracing_layer::is_nobody_there() {
        return None;
    }
    if Layer::current() == Some(Layer::Lost) {
        return Some(Err(Finding::LayerNotFound));
    }
    let span = boundary::SPANS.ask(Step::Open, || tracing_callsite::open(builder))?;
    let mut is_exported = false;
    let checked = boundary::SPANS.call(Step::Start, || {
        give_parent(&span, suppressed)?;
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

/// Drops a span that [`start`] has given.
pub(crate) fn close(span: Span) {
    if !span.is_none() {
        boundary::SPANS.call(Step::Close, || drop(span));
    }
}

/// The context of the current span of `tracing`, if it counts more than OpenTelemetry's. A layer that
/// does not activate contexts makes spans current to `tracing` alone.
pub(crate) fn current(context: &Context) -> Option<Context> {
    if context.is_telemetry_suppressed() {
        return None;
    }
    let of_opentelemetry = context.span().span_context().clone();
    let began = Began::with(of_opentelemetry.span_id());
    let traced = match began {
        // Nothing was attached since, so a layer that activates contexts has entered nothing. Not to ask
        // it is more than fast: a sampler or a processor that publishes while the layer starts a span
        // would wait for that span's lock, which its own thread holds.
        Some(_) if Layer::current() == Some(Layer::Activates) => return None,
        Some(began) => began.entered_since()?,
        None if of_opentelemetry.is_valid() && !of_opentelemetry.is_remote() => return None,
        None => tracing_scope::innermost(None)?,
    };
    let of_tracing = traced.span().span_context().clone();
    let is_of_another_trace = began.is_none()
        && of_opentelemetry.is_valid()
        && of_opentelemetry.trace_id() != of_tracing.trace_id();
    if !of_tracing.is_valid() || is_of_another_trace {
        return None;
    }
    let baggage = context.baggage();
    // What was attached since is newer than the span's own.
    let is_newer = began.is_none_or(|began| began.is_older_than(baggage));
    Some(if is_newer && !baggage.is_empty() {
        with_baggage_of(&traced, context)
    } else {
        traced
    })
}

/// The span of `tracing` that has to be entered where `context`, which is [`current`] here, is to be
/// current too. None where the layer activates contexts: spans of `tracing` go by those, and a handle
/// would keep a handler's span open until its last job is done. That of a message is ended by itself.
pub(crate) fn to_take_along(context: &Context) -> Span {
    let span_id = context.span().span_context().span_id();
    if span_id == SpanId::INVALID || context.is_telemetry_suppressed() {
        return Span::none();
    }
    let of_opentelemetry = Context::map_current(|current| current.span().span_context().span_id());
    let is_known_to_tracing_alone = of_opentelemetry != span_id;
    if !is_known_to_tracing_alone && !Began::with(span_id).is_some_and(Began::has_its_own_current) {
        return Span::none();
    }
    // Unless it is one that OpenTelemetry does not know, inside the one that counts.
    let span = Span::current();
    if span.context().span().span_context().span_id() == span_id {
        span
    } else {
        Span::none()
    }
}
