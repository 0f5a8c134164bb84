//! Contexts that go along with work: panics, cancellation, nesting.

use crate::message::{message, spans};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{Span, SpanContext, TraceContextExt, TraceId, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use otel_messaging::{
    Job, attach_context, closure_in_context, current_context, extract, future_in_context,
    get_context,
};
use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Poll, Waker};

fn context(number: u8) -> Context {
    let traceparent = format!("00-{number:032x}-{number:016x}-01");
    extract(&BTreeMap::from([("traceparent".to_owned(), traceparent)]))
}

fn trace_id(context: &Context) -> TraceId {
    context.span().span_context().trace_id()
}

fn current() -> TraceId {
    trace_id(&Context::current())
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(Waker::noop()))
}

/// Tells which trace is current when it is dropped.
struct Dropped(Arc<AtomicU32>, TraceId);

impl Drop for Dropped {
    fn drop(&mut self) {
        assert_eq!(current(), self.1);
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_context_is_that_of_the_call() {
    let (future, closure, job) = {
        let _attached = context(1).attach();
        (
            future_in_context(async { current() }),
            closure_in_context(current),
            Job::new(()),
        )
    };
    let _elsewhere = context(2).attach();
    assert_eq!(poll(pin!(future)), Poll::Ready(trace_id(&context(1))));
    assert_eq!(closure(), trace_id(&context(1)));
    assert_eq!(job.call(|()| current()), trace_id(&context(1)));
    assert_eq!(current(), trace_id(&context(2)));
}

#[test]
fn baggage_and_suppression_go_along() {
    let baggage = context(1).with_baggage([KeyValue::new("tenant", "acme")]);
    let attached = baggage.attach();
    let work = closure_in_context(|| get_context().into_iter().collect::<BTreeMap<_, _>>());
    drop(attached);
    assert_eq!(work()["baggage"], "tenant=acme");

    let suppressed = Context::enter_telemetry_suppressed_scope();
    let work = closure_in_context(Context::is_current_telemetry_suppressed);
    drop(suppressed);
    assert!(work());
    assert!(!Context::is_current_telemetry_suppressed());
}

#[test]
fn a_panic_passes_through_and_restores_what_was_before() {
    let _before = context(1).attach();
    let (closure, future, job) = {
        let _attached = context(2).attach();
        let panics = || -> () { panic!("on purpose") };
        (
            closure_in_context(panics),
            future_in_context(async { panic!("on purpose") }),
            Job::new(()),
        )
    };
    assert!(catch_unwind(AssertUnwindSafe(closure)).is_err());
    assert_eq!(current(), trace_id(&context(1)));

    let mut future = pin!(future);
    let polled = catch_unwind(AssertUnwindSafe(|| -> Poll<()> { poll(future.as_mut()) }));
    assert!(polled.is_err());
    assert_eq!(current(), trace_id(&context(1)));

    let mapped = catch_unwind(AssertUnwindSafe(|| {
        job.map(|()| -> u32 { panic!("on purpose") })
    }));
    assert!(mapped.is_err());
    assert_eq!(current(), trace_id(&context(1)));

    let carrier: otel_messaging::ContextCarrier = message().headers.into();
    let attached = catch_unwind(|| {
        let _attached = attach_context(&carrier);
        assert_ne!(current(), trace_id(&context(1)));
        panic!("on purpose");
    });
    assert!(attached.is_err());
    assert_eq!(current(), trace_id(&context(1)));
}

/// As other futures do. For ever pending, it would hang its task.
#[test]
#[should_panic = "`InContext` polled after completion"]
fn a_future_polled_again_panics() {
    let mut future = pin!(future_in_context(ready(7)));
    assert_eq!(poll(future.as_mut()), Poll::Ready(7));
    let _ = poll(future);
}

#[test]
#[should_panic = "`InContext` polled after completion"]
fn a_jobs_future_polled_again_panics() {
    let mut future = pin!(Job::new(7).run(ready));
    assert_eq!(poll(future.as_mut()), Poll::Ready(7));
    let _ = poll(future);
}

/// A panic ends a task and not its thread: the next task there has its own context.
#[tokio::test(flavor = "current_thread")]
async fn a_panicking_task_leaves_its_thread_clean() {
    let work = {
        let _attached = context(1).attach();
        future_in_context(async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        })
    };
    let task: tokio::task::JoinHandle<()> = tokio::spawn(work);
    assert!(task.await.expect_err("a panic").is_panic());
    assert_eq!(current(), TraceId::INVALID);
    tokio::spawn(async { assert_eq!(current(), TraceId::INVALID) })
        .await
        .expect("no panic");
}

#[test]
fn destructors_run_in_the_context() {
    let dropped = Arc::new(AtomicU32::new(0));
    let guard = || Dropped(dropped.clone(), trace_id(&context(1)));
    let _elsewhere = context(2).attach();
    let started = |future: std::pin::Pin<&mut dyn Future<Output = ()>>| {
        let mut future = future;
        future
            .as_mut()
            .poll(&mut std::task::Context::from_waker(Waker::noop()))
    };

    // Cancelled before it was polled, and in the middle.
    let of_call = context(1).attach();
    let (first, second, finished) = (guard(), guard(), guard());
    let never = future_in_context(async move {
        let _first = first;
        pending::<()>().await;
    });
    let mut begun = Box::pin(future_in_context(async move {
        let _second = second;
        pending::<()>().await;
    }));
    let mut ready = Box::pin(future_in_context(async move {
        let _finished = finished;
    }));
    let of_closure = guard();
    let closure = closure_in_context(move || drop(of_closure));
    drop(of_call);

    drop(never);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    assert!(started(begun.as_mut()).is_pending());
    drop(begun);
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
    assert!(started(ready.as_mut()).is_ready());
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
    closure();
    assert_eq!(dropped.load(Ordering::Relaxed), 4);
    assert_eq!(current(), trace_id(&context(2)));
}

#[tokio::test]
async fn an_aborted_task_is_dropped_in_its_context() {
    let dropped = Arc::new(AtomicU32::new(0));
    let (begun, is_begun) = tokio::sync::oneshot::channel();
    let task = {
        let _attached = context(1).attach();
        let guard = Dropped(dropped.clone(), trace_id(&context(1)));
        tokio::spawn(future_in_context(async move {
            let _guard = guard;
            begun.send(()).expect("the test waits");
            pending::<()>().await;
        }))
    };
    is_begun.await.expect("the task begins");
    task.abort();
    assert!(task.await.expect_err("aborted").is_cancelled());
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

#[test]
fn what_is_nested_counts_inside_and_is_restored() {
    let outer = {
        let _attached = context(1).attach();
        let inner = {
            let _attached = context(2).attach();
            future_in_context(async { current() })
        };
        future_in_context(async move {
            assert_eq!(current(), trace_id(&context(1)));
            assert_eq!(inner.await, trace_id(&context(2)));
            assert_eq!(current(), trace_id(&context(1)));
            // What a job itself gives away has the job's context.
            let job = Job::new(());
            let stored = {
                let _attached = context(3).attach();
                get_context()
            };
            let _attached = attach_context(&stored);
            assert_eq!(current(), trace_id(&context(3)));
            let of_job = job.map(|()| current()).into_payload();
            assert_eq!(of_job, trace_id(&context(1)));
            assert_eq!(closure_in_context(current)(), trace_id(&context(3)));
        })
    };
    assert_eq!(poll(pin!(outer)), Poll::Ready(()));
    assert_eq!(current(), TraceId::INVALID);
}

#[test]
fn a_job_keeps_its_context_from_stage_to_stage() {
    let job = Job::with_context(7, context(1));
    let link = job.link().expect("a sender");
    assert_eq!(&link.span_context, context(1).span().span_context());
    let job = job.map(|number| {
        assert_eq!(current(), trace_id(&context(1)));
        number + 1
    });
    assert_eq!(*job.payload(), 8);
    assert_eq!(trace_id(job.context()), trace_id(&context(1)));
    // Also the part of a function that makes the future.
    let run = job.run(|number| {
        assert_eq!(current(), trace_id(&context(1)));
        ready(number + 1)
    });
    assert_eq!(poll(pin!(run)), Poll::Ready(9));
    assert!(Job::new(()).link().is_none());
    assert_eq!(
        Job::new(()).context().span().span_context(),
        &SpanContext::NONE
    );
    assert_eq!(trace_id(&current_context()), TraceId::INVALID);
}

/// Spans that nobody ends by name end when the last context that holds them is gone.
#[test]
fn a_job_keeps_no_span_open_and_what_runs_in_it_can_add_to_it() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    let tenant = || Context::current().with_baggage([KeyValue::new("tenant", "acme")]);
    let jobs = tracer.in_span("order", |order| {
        let order_id = order.span().span_context().clone();
        let given = Job::with_context((), tenant());
        let _attached = tenant().attach();
        (Job::new(()), given, order_id)
    });
    let (made, given, order) = jobs;
    assert_eq!(spans.only().name, "order");
    for job in [made, given] {
        assert_eq!(job.link().expect("an order").span_context, order);
        job.call(|()| {
            assert_eq!(BTreeMap::from(get_context())["baggage"], "tenant=acme");
            tracer.start("label").end();
        });
    }
    let ended = spans.ended();
    assert_eq!(ended.len(), 3);
    for label in &ended[1..] {
        assert_eq!(label.span_context.trace_id(), order.trace_id());
        assert_eq!(label.parent_span_id, order.span_id());
        assert!(!label.parent_span_is_remote);
    }

    let closure = tracer.in_span("packing", |_| {
        closure_in_context(|| Context::current().span().add_event("packed", Vec::new()))
    });
    closure();
    let ended = spans.ended();
    assert_eq!(ended[3].events.len(), 1);
}

#[test]
fn futures_are_send_if_what_they_run_is() {
    fn is_send<T: Send>(_: T) {}
    is_send(future_in_context(async {}));
    is_send(closure_in_context(|| ()));
    is_send(Job::new(()));
}
