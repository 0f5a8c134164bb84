//! The handling of a message, in three ways.

use super::Calls;
use opentelemetry::Context;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{Link, TraceContextExt};
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
    let parent = carried::<C>(message);
    let sender = parent.span().span_context().clone();
    let mut builder = C::process_span(message);
    if sender.is_valid() {
        builder = builder.with_links(vec![Link::with_context(sender)]);
    }
    let span = builder.start_with_context(tracer, &parent);
    let context = parent.with_span(span);
    in_context(&context, async {}).await;
    context.span().end();
}

/// The wire: the context is read and current, no span is made.
pub async fn process_without_span<C: Calls>(message: &C::Message) {
    in_context(&carried::<C>(message), async {}).await;
}

fn carried<C: Calls>(message: &C::Message) -> Context {
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
