//! What `tracing` says is current.

use crate::context::derived::with_baggage_of;
use crate::context::traced::innermost::{Began, innermost};
use crate::context::traced::layer::Layer;
use crate::context::traced::step::LOOK;
use crate::loss::boundary::SPANS;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanId, TraceContextExt};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The context of the current span of `tracing`, if it counts more than OpenTelemetry's. To ask may
/// start a span of the application's.
pub(crate) fn current(context: &Context) -> Option<Context> {
    SPANS.ask(LOOK, || current_behind(context)).flatten()
}

/// The span of `tracing` that has to be entered where `context`, which is [`current`] here, is to be
/// current too.
pub(crate) fn to_take_along(context: &Context) -> Span {
    let span = SPANS.ask(LOOK, || to_take_along_behind(context));
    span.unwrap_or_else(Span::none)
}

/// The context of the current span of `tracing`, if it counts more than OpenTelemetry's. A layer that
/// does not activate contexts makes spans current to `tracing` alone.
fn current_behind(context: &Context) -> Option<Context> {
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
        None => innermost(None)?,
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
fn to_take_along_behind(context: &Context) -> Span {
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
