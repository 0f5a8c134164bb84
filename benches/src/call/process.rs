//! The handling of a message, in three ways.

use super::Receives;
use super::span::{ended, started};
use crate::bound::{self, Came};
use opentelemetry::Context;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{Link, SpanBuilder, TraceContextExt};
use otel_messaging::Instrumentation;
use std::future::poll_fn;
use std::pin::pin;

/// Ours. Without an instrumentation given, the global one counts.
pub async fn process<M: Receives>(by: Option<&Instrumentation>, message: &M::Message) {
    match by {
        Some(by) => by.process(message).run(async {}).await,
        None => otel_messaging::process(message).run(async {}).await,
    }
}

/// By hand: the limit, and a span.
#[inline]
pub fn process_by_hand<M: Receives>(
    tracer: &BoxedTracer,
    message: &M::Message,
) -> impl Future<Output = ()> {
    handle_by_hand::<M, _>(tracer, message, async {})
}

/// By hand: a handler in the span of its message.
#[inline]
pub async fn handle_by_hand<M: Receives, F: Future>(
    tracer: &BoxedTracer,
    message: &M::Message,
    handler: F,
) -> F::Output {
    let span = M::process_span(message);
    let context = begin_by_hand(tracer, came::<M>(message), span);
    run_by_hand(context, handler).await
}

/// By hand: begins the span of a message, and gives the context in which its handler has to run. Beside the span
/// stands whether the message comes too often.
#[inline]
pub fn begin_by_hand(
    tracer: &BoxedTracer,
    mut came: Came,
    (mut builder, comes_too_often): (SpanBuilder, bool),
) -> Context {
    if comes_too_often {
        came = came.too_often();
    }
    let Came { context, senders } = came;
    let sender = context.span().span_context().clone();
    if sender.is_valid() {
        builder = builder.with_links(vec![Link::with_context(sender)]);
    } else if !senders.is_empty() {
        builder = builder.with_links(senders.into_iter().map(Link::with_context).collect());
    }
    match started(tracer, builder, &context) {
        Some(span) => context.with_span(span),
        None => context,
    }
}

/// By hand: runs a handler, and ends the span of its message.
#[inline]
pub async fn run_by_hand<F: Future>(context: Context, handler: F) -> F::Output {
    let output = in_context(&context, handler).await;
    ended(|| context.span().end());
    output
}

/// The limit: the context is read and current, no span is made.
pub async fn process_without_span<M: Receives>(message: &M::Message) {
    in_context(&came::<M>(message).context, async {}).await;
}

/// What came with a message.
#[inline]
pub fn came<M: Receives>(message: &M::Message) -> Came {
    bound::read::<M::Client>(M::headers(message))
}

async fn in_context<F: Future>(context: &Context, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _attached = context.clone().attach();
        future.as_mut().poll(cx)
    })
    .await
}
