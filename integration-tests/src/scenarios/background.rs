//! Handlers that run as tasks or threads, and what they give to others.

use crate::client::{Client, in_time};
use crate::scenarios::{names, send};
use crate::spans::{Spans, assert_child};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, TraceContextExt};
use otel_messaging::{Job, Received, closure_in_context, extract, future_in_context};
use std::sync::Arc;

/// A task and a blocking closure that the handler starts, and a job that a worker does when the
/// handler is long done: it publishes, and the trace goes on from there.
pub async fn background_work_joins<C: Client>() {
    let (mut client, spans) = (C::connect().await, Arc::new(Spans::new()));
    let (publish, process) = names(&client);
    let shop = Spans::new();
    send(&client, &shop.instrumentation, &shop.root("order")).await;
    let message = client.receive().await;
    let handled = spans
        .instrumentation
        .with_message_context(&message, async |_| {
            let (in_task, in_closure) = (spans.clone(), spans.clone());
            let task = future_in_context(async move { in_task.work("task") });
            let closure = closure_in_context(move || in_closure.work("blocking"));
            (
                tokio::spawn(task),
                tokio::task::spawn_blocking(closure),
                Job::new(()),
            )
        });
    let (task, blocking, job) = handled.await;
    task.await.expect("the task runs");
    blocking.await.expect("the closure runs");

    let processed = spans.named(&process);
    assert_child(&spans.named("task"), &processed.span_context);
    assert_child(&spans.named("blocking"), &processed.span_context);

    // Whatever span the worker has.
    let by = Some(&spans.instrumentation);
    let work = job.run(|()| client.send(by, &[]));
    let sent = in_time("send", work.with_context(spans.root("worker"))).await;
    sent.expect("the broker takes the message");
    let published = spans.named(&publish);
    assert_child(&published, &processed.span_context);
    let arrived = extract(client.receive().await.message_headers().expect("headers"));
    let carried = arrived.span().span_context().span_id();
    assert_eq!(carried, published.span_context.span_id());
}

/// The message moves into its handler, which runs as a task.
pub async fn a_handler_that_owns_its_message_joins<C: Client>() {
    let (mut client, spans) = (C::connect().await, Arc::new(Spans::new()));
    let (publish, process) = names(&client);
    send(&client, &spans.instrumentation, &spans.root("order")).await;
    let message = client.receive().await;
    let processing = spans.instrumentation.process(&message);
    let in_handler = spans.clone();
    let handler = processing.run(async move {
        tokio::task::yield_now().await;
        drop(message);
        in_handler.work("work");
    });
    tokio::spawn(handler).await.expect("the handler runs");

    let processed = spans.named(&process);
    assert_child(&processed, &spans.named(&publish).span_context);
    assert_child(&spans.named("work"), &processed.span_context);
}

/// A handler that is no future, on a thread of its own.
pub async fn a_synchronous_handler_joins<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, process) = names(&client);
    send(&client, &spans.instrumentation, &spans.root("order")).await;
    let message = client.receive().await;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let entered = spans.instrumentation.process(&message).enter();
            spans.work("work");
            assert!(!spans.has(&process));
            drop(entered);
            assert!(!Context::current().has_active_span());
        });
    });

    let processed = spans.named(&process);
    assert_child(&processed, &spans.named(&publish).span_context);
    assert_child(&spans.named("work"), &processed.span_context);
}
