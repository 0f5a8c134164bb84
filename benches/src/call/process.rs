//! The handling of a message, in three ways.

use super::Calls;
use opentelemetry::Context;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{Link, SpanBuilder, TraceContextExt};
use otel_messaging::Instrumentation;
use std::future::poll_fn;
use std::pin::pin;

/// Ours. Without an instrumentation given, the global one counts.
pub async fn process<C: Calls>(by: Option<&Instrumentation>, message: &C::Message) {
    match by {
        Some(by) => by.process(message).run(async {}).await,
        None => otel_messaging::process(message).run(async {}).await,
    }
}

/// The bound.
pub async fn process_by_hand<C: Calls>(tracer: &BoxedTracer, message: &C::Message) {
    let (parent, builder) = (carried::<C>(message), C::process_span(message));
    handle_by_hand(tracer, parent, builder, async {}).await;
}

/// The bound: a handler in the span of its message, whose context was read.
#[inline]
pub async fn handle_by_hand<F: Future>(
    tracer: &BoxedTracer,
    parent: Context,
    builder: SpanBuilder,
    handler: F,
) -> F::Output {
    run_by_hand(begin_by_hand(tracer, parent, builder), handler).await
}

/// The bound: begins the span of a message, and gives the context in which its handler has to run.
#[inline]
pub fn begin_by_hand(tracer: &BoxedTracer, parent: Context, mut builder: SpanBuilder) -> Context {
    let sender = parent.span().span_context().clone();
    if sender.is_valid() {
        builder = builder.with_links(vec![Link::with_context(sender)]);
    }
    let span = builder.start_with_context(tracer, &parent);
    parent.with_span(span)
}

/// The bound: runs a handler, and ends the span of its message.
#[inline]
pub async fn run_by_hand<F: Future>(context: Context, handler: F) -> F::Output {
    let output = in_context(&context, handler).await;
    context.span().end();
    output
}

/// The wire: the context is read and current, no span is made.
pub async fn process_without_span<C: Calls>(message: &C::Message) {
    in_context(&carried::<C>(message), async {}).await;
}

/// The bound: the context of a message.
pub fn carried<C: Calls>(message: &C::Message) -> Context {
    match C::headers(message) {
        Some(headers) => C::extract_by_hand(headers),
        None => Context::new(),
    }
}

async fn in_context<F: Future>(context: &Context, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _attached = context.clone().attach();
        future.as_mut().poll(cx)
    })
    .await
}
