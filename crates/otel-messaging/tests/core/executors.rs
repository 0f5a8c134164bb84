//! What a handler gives to each kind of executor joins the trace of its message.

use crate::message::{Spans, message, spans};
use futures_util::{StreamExt, stream};
use opentelemetry::Context;
use opentelemetry::trace::{Span, TraceContextExt, Tracer, TracerProvider};
use otel_messaging::{Job, closure_in_context, current_context, future_in_context};
use rayon::prelude::*;
use std::sync::mpsc;
use tokio::runtime;
use tokio::task::{JoinSet, LocalSet};

/// The span of the work, in whatever context is current where it is done.
fn print_label(tracer: &impl Tracer) {
    tracer.start("print label").end();
}

/// Asserts that this many labels were printed, each as a child of the handling's span.
fn assert_joined(spans: &Spans, labels: usize) {
    let ended = spans.ended();
    let handling = ended.iter().find(|span| span.name == "process orders");
    let handling = &handling.expect("a handler").span_context;
    let mut found = 0;
    for label in ended.iter().filter(|span| span.name == "print label") {
        assert_eq!(label.span_context.trace_id(), handling.trace_id());
        assert_eq!(label.parent_span_id, handling.span_id());
        found += 1;
    }
    assert_eq!(found, labels);
}

fn assert_nothing_is_current() {
    assert!(!Context::current().has_active_span());
}

/// Runs a handler on a runtime of several threads.
fn handle<F: Future>(spans: &Spans, handler: impl FnOnce() -> F) {
    let runtime = runtime::Builder::new_multi_thread()
        .build()
        .expect("a runtime");
    let message = message();
    let handling = spans
        .instrumentation
        .with_message_context(&message, |_| handler());
    runtime.block_on(handling);
}

#[test]
fn without_a_wrapper_nothing_is_inherited() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    handle(&spans, || async {
        tokio::spawn(async move { print_label(&tracer) })
            .await
            .expect("no panic");
    });
    let ended = spans.ended();
    assert_ne!(
        ended[0].span_context.trace_id(),
        ended[1].span_context.trace_id()
    );
}

#[test]
fn tasks() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    handle(&spans, || async {
        let work = async move {
            // Moves between the runtime's threads, as tasks do.
            tokio::task::yield_now().await;
            print_label(&tracer);
        };
        tokio::spawn(future_in_context(work))
            .await
            .expect("no panic");
    });
    assert_joined(&spans, 1);
}

#[test]
fn tasks_that_outlive_their_handler() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    let runtime = runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let message = message();
    runtime.block_on(async {
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let mut task = None;
        let handling = spans
            .instrumentation
            .with_message_context(&message, async |_| {
                task = Some(tokio::spawn(future_in_context(async move {
                    gone.await.expect("a sign");
                    print_label(&tracer);
                })));
            });
        handling.await;
        assert_eq!(spans.only().name, "process orders");
        go.send(()).expect("the task waits");
        task.expect("a task").await.expect("no panic");
        assert_nothing_is_current();
    });
    assert_joined(&spans, 1);
}

/// As with any handle of OpenTelemetry's context.
#[test]
fn a_span_that_nobody_ends_waits_for_what_was_handed_over() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    let has_ended = |name| spans.ended().iter().any(|span| span.name == name);
    let waiting = tracer.in_span("order", |_| closure_in_context(|| ()));
    let (ended, task) = tracer.in_span("parcel", |context| {
        let handed_over = (closure_in_context(|| ()), future_in_context(async {}));
        context.span().end();
        handed_over
    });
    assert!(!has_ended("order"));
    assert!(has_ended("parcel"));
    waiting();
    assert!(has_ended("order"));
    ended();
    drop(task);
}

#[test]
fn join_sets() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    handle(&spans, || async {
        let mut set = JoinSet::new();
        for _ in 0..10 {
            let tracer = tracer.clone();
            set.spawn(future_in_context(async move { print_label(&tracer) }));
        }
        set.spawn_blocking(closure_in_context({
            let tracer = tracer.clone();
            move || print_label(&tracer)
        }));
        set.join_all().await;
    });
    assert_joined(&spans, 11);
}

#[test]
fn local_tasks() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    handle(&spans, || async {
        let set = LocalSet::new();
        // Not `Send`, and need not be.
        let label = std::rc::Rc::new(());
        set.spawn_local(future_in_context(async move {
            print_label(&tracer);
            drop(label);
        }));
        set.await;
    });
    assert_joined(&spans, 1);
}

#[test]
fn other_runtimes() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    handle(&spans, || async {
        let work = future_in_context(async move { print_label(&tracer) });
        let other = std::thread::spawn(|| {
            let other = runtime::Builder::new_current_thread().build();
            other.expect("a runtime").block_on(work);
            assert_nothing_is_current();
        });
        other.join().expect("no panic");
    });
    assert_joined(&spans, 1);
}

#[test]
fn blocking_tasks() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    handle(&spans, || async {
        let work = closure_in_context(move || print_label(&tracer));
        tokio::task::spawn_blocking(work).await.expect("no panic");
    });
    assert_joined(&spans, 1);
}

#[test]
fn threads() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    handle(&spans, || async {
        std::thread::scope(|scope| {
            scope.spawn(closure_in_context(|| print_label(&tracer)));
        });
        let work = closure_in_context(move || print_label(&tracer));
        let thread = std::thread::spawn(|| {
            work();
            assert_nothing_is_current();
        });
        thread.join().expect("no panic");
    });
    assert_joined(&spans, 2);
}

#[test]
fn rayon_jobs() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    handle(&spans, || async {
        let (printed, labels) = mpsc::channel();
        let work = closure_in_context({
            let tracer = tracer.clone();
            move || print_label(&tracer)
        });
        rayon::spawn(move || {
            work();
            assert_nothing_is_current();
            printed.send(()).expect("the handler waits");
        });
        labels.recv().expect("a label");
        // What scope is given runs in the pool already.
        let work = closure_in_context(|| print_label(&tracer));
        rayon::scope(|scope| scope.spawn(|_| work()));
        rayon::join(
            closure_in_context(|| print_label(&tracer)),
            closure_in_context(|| print_label(&tracer)),
        );
    });
    assert_joined(&spans, 4);
}

#[test]
fn rayon_iterators() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    handle(&spans, || async {
        let context = current_context();
        (0..100).into_par_iter().for_each(|_| {
            let _attached = context.clone().attach();
            print_label(&tracer);
        });
    });
    assert_joined(&spans, 100);
}

/// A trace for each order, and the label that was printed for it.
fn assert_own_traces(spans: &Spans, orders: &[(u32, Context)]) {
    let ended = spans.ended();
    assert_eq!(ended.len(), orders.len());
    for (number, order) in orders {
        let label = ended
            .iter()
            .find(|span| span.name == format!("print label {number}"));
        let label = label.expect("a label");
        let order = order.span().span_context().clone();
        assert_eq!(label.span_context.trace_id(), order.trace_id());
        assert_eq!(label.parent_span_id, order.span_id());
    }
}

/// The contexts of many orders, of spans that stay open.
fn orders(
    provider: &impl TracerProvider<Tracer: Tracer<Span: Send + Sync + 'static>>,
) -> Vec<(u32, Context)> {
    let tracer = provider.tracer("test");
    let root = || Context::new().with_span(tracer.start_with_context("order", &Context::new()));
    (0..50).map(|number| (number, root())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_to_worker_pools() {
    let spans = spans();
    let orders = orders(&spans.provider);
    let (jobs, queue) = tokio::sync::mpsc::channel::<Job<u32>>(2);
    let queue = std::sync::Arc::new(tokio::sync::Mutex::new(queue));
    let mut workers = JoinSet::new();
    for _ in 0..4 {
        let (queue, tracer) = (queue.clone(), spans.provider.tracer("test"));
        // A worker's own span must not get in between.
        let of_worker =
            Context::new().with_remote_span_context(orders[0].1.span().span_context().clone());
        workers.spawn(opentelemetry::trace::FutureExt::with_context(
            async move {
                loop {
                    let job = queue.lock().await.recv().await;
                    let Some(job) = job else { break };
                    job.run(async |number| {
                        tokio::task::yield_now().await;
                        tracer.start(format!("print label {number}")).end();
                    })
                    .await;
                }
            },
            of_worker,
        ));
    }
    for (number, order) in &orders {
        let job = {
            let _handling = order.clone().attach();
            Job::new(*number)
        };
        jobs.send(job).await.expect("workers");
    }
    drop(jobs);
    workers.join_all().await;
    assert_own_traces(&spans, &orders);
}

#[test]
fn channels_to_threads() {
    let spans = spans();
    let orders = orders(&spans.provider);
    let (jobs, queue) = mpsc::sync_channel::<Job<u32>>(1);
    let tracer = spans.provider.tracer("test");
    let worker = std::thread::spawn(move || {
        for job in queue {
            job.call(|number| tracer.start(format!("print label {number}")).end());
            assert_nothing_is_current();
        }
    });
    for (number, order) in &orders {
        jobs.send(Job::with_context(*number, order.clone()))
            .expect("a worker");
    }
    drop(jobs);
    worker.join().expect("no panic");
    assert_own_traces(&spans, &orders);
}

#[tokio::test]
async fn streams() {
    let spans = spans();
    let orders = orders(&spans.provider);
    let tracer = spans.provider.tracer("test");
    let printed = stream::iter(&orders)
        .map(|(number, order)| Job::with_context(*number, order.clone()))
        .map(|job| job.map(|number| (number, current_context())))
        .filter(|job| {
            let (number, _) = *job.payload();
            async move { number < 50 }
        })
        .map(|job| {
            job.run(async |(number, at_map)| {
                // Ready in another order than they came in.
                for _ in 0..(50 - number) {
                    tokio::task::yield_now().await;
                }
                tracer.start(format!("print label {number}")).end();
                let (at_map, here) = (at_map.span(), current_context());
                assert_eq!(at_map.span_context(), here.span().span_context());
                number
            })
        })
        .buffer_unordered(8);
    let printed: Vec<u32> = printed.collect().await;
    assert!(!printed.is_sorted(), "{printed:?}");
    assert_nothing_is_current();
    assert_own_traces(&spans, &orders);
}
