//! The handling of a message, in three ways.

use super::Receives;
use super::span::{ended, started};
use crate::bound::{self, Came};
use opentelemetry::Context;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{Link, TraceContextExt};
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
pub async fn process_by_hand<M: Receives>(tracer: &BoxedTracer, message: &M::Message) {
    let (mut builder, comes_too_often) = M::process_span(message);
    let mut came = came::<M>(message);
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
    let context = match started(tracer, builder, &context) {
        Some(span) => context.with_span(span),
        None => context,
    };
    in_context(&context, async {}).await;
    ended(|| context.span().end());
}

/// The limit: the context is read and current, no span is made.
pub async fn process_without_span<M: Receives>(message: &M::Message) {
    in_context(&came::<M>(message).context, async {}).await;
}

#[inline]
pub(super) fn came<M: Receives>(message: &M::Message) -> Came {
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
