//! What is done about a handler's error, inside the span of the handling.

use crate::errors::attribute;
use crate::message::{Message, message, spans};
use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::trace::{Span, SpanId, Status, TraceContextExt, Tracer, TracerProvider};
use otel_messaging::{Description, Failure, OnError};
use std::cell::{Cell, RefCell};
use std::future::{Ready, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

fn current() -> SpanId {
    Context::current().span().span_context().span_id()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(Waker::noop()))
}

/// Is pending once.
async fn turn() {
    let mut is_second = false;
    poll_fn(|_| match std::mem::replace(&mut is_second, true) {
        false => Poll::Pending,
        true => Poll::Ready(()),
    })
    .await;
}

/// Writes down its name and the span that is current, when it is dropped.
struct Witness<'a>(&'a RefCell<Vec<(&'static str, SpanId)>>, &'static str);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push((self.1, current()));
    }
}

/// What happens when the handler returns, in order, and what comes out of it.
#[test]
fn the_hooks_result_is_the_result() {
    for (handled, reacted, output, calls) in [
        (Ok(7), Ok(8), Ok(7), 0),
        (Err("no such order"), Ok(8), Ok(8), 1),
        (Err("no such order"), Err(404), Err(404), 1),
    ] {
        let (spans, message, called) = (spans(), message(), Cell::new(0));
        let mut future = Box::pin(
            spans
                .instrumentation
                .try_with_message_context(&message, async |_: &Message| {
                    turn().await;
                    handled
                })
                .on_error(async |error| {
                    called.set(called.get() + 1);
                    assert_eq!(Err(error), handled);
                    turn().await;
                    assert!(spans.ended().is_empty(), "the span is open");
                    reacted
                }),
        );
        assert_eq!(poll(future.as_mut()), Poll::Pending);
        if handled.is_err() {
            assert_eq!(poll(future.as_mut()), Poll::Pending);
        }
        assert_eq!(called.get(), calls);
        assert_eq!(poll(future.as_mut()), Poll::Ready(output));
        assert_eq!(called.get(), calls);

        // It has ended before the future is dropped, and once.
        let span = spans.only();
        let status = handled.map_or_else(Status::error, |_| Status::Unset);
        assert_eq!(span.status, status);
        let error_type = handled.err().map(|_| "&str".into());
        assert_eq!(attribute(&span, "error.type"), error_type);
        drop(future);
        assert_eq!(spans.ended().len(), 1);
        assert!(!Context::current().has_active_span());
    }
}

/// What the application does about an error is in the message's trace: messages, spans.
#[test]
fn what_the_hook_does_is_a_child_of_the_messages_span() {
    let (spans, message) = (spans(), message());
    let tracer = spans.provider.tracer("application");
    let by = &spans.instrumentation;
    let reacting = by
        .try_with_message_context(&message, |_| ready(Err::<(), _>("no such order")))
        .on_error(|error| {
            tracer.start("in the call").end();
            let tracer = &tracer;
            async move {
                drop(by.start_send(Description::sent("test", "send")));
                turn().await;
                tracer.start("after a turn").end();
                Err::<(), _>(error)
            }
        });
    let mut reacting = Box::pin(reacting);
    assert!(poll(reacting.as_mut()).is_pending());
    assert_eq!(poll(reacting.as_mut()), Poll::Ready(Err("no such order")));

    let mut ended = spans.ended();
    let process = ended.pop().expect("the message's span, last");
    assert_eq!(process.name, "process orders");
    assert_eq!(ended.len(), 3);
    for span in ended {
        assert_eq!(span.parent_span_id, process.span_context.span_id());
    }
}

/// After each call that may be followed by it.
#[test]
fn every_way_of_handling_has_the_hook() {
    fn unmarked(error: &&'static str) -> Option<Failure> {
        assert_eq!(*error, "no such order");
        None
    }
    async fn handle(_: &Message) -> Result<(), &'static str> {
        Err("no such order")
    }
    type Handled<'a> = Pin<Box<dyn Future<Output = Result<(), SpanId>> + Send + 'a>>;
    let report = async |_: &'static str| Err(current());
    let message = message();
    for (way, is_marked) in [(0, true), (1, false), (2, true), (3, false), (4, false)] {
        let spans = spans();
        let by = &spans.instrumentation;
        let reacting: Handled<'_> = match way {
            0 => Box::pin(
                by.try_with_message_context(&message, handle)
                    .on_error(report),
            ),
            1 => {
                let handling = by.try_with_message_context_with(&message, handle, unmarked);
                Box::pin(handling.on_error(report))
            }
            2 => Box::pin(
                by.process(&message)
                    .try_run(handle(&message))
                    .on_error(report),
            ),
            3 => {
                let handling = by
                    .process(&message)
                    .try_run_with(handle(&message), unmarked);
                Box::pin(handling.on_error(report))
            }
            _ => Box::pin(by.with_message_context(&message, handle).on_error(report)),
        };
        let seen = reacting.now_or_never().expect("ready");
        let span = spans.only();
        assert_eq!(seen, Err(span.span_context.span_id()));
        assert_eq!(span.status != Status::Unset, is_marked, "{way}");
    }
}

/// The handler first, then the hook, as in a function that awaits one after the other.
#[test]
fn what_is_dropped_is_dropped_inside_the_context_and_the_span_ends() {
    // Polled so often before it is dropped.
    for (polls, order) in [
        (0, &["handler", "hook"][..]),
        (1, &["handler", "hook"]),
        (2, &["handler", "hook"]),
    ] {
        let (spans, message, seen) = (spans(), message(), RefCell::new(Vec::new()));
        let (handler, hook) = (Witness(&seen, "handler"), Witness(&seen, "hook"));
        let mut reacting = Box::pin(
            spans
                .instrumentation
                .process(&message)
                .try_run(async move {
                    let _handler = handler;
                    turn().await;
                    Err::<(), _>("no such order")
                })
                .on_error(move |_| async move {
                    let _hook = hook;
                    pending::<Result<(), ()>>().await
                }),
        );
        for _ in 0..polls {
            assert!(poll(reacting.as_mut()).is_pending());
        }
        assert!(spans.ended().is_empty());
        drop(reacting);

        let span = spans.only();
        let id = span.span_context.span_id();
        let seen: Vec<_> = seen.into_inner();
        assert_eq!(
            seen,
            order.iter().map(|name| (*name, id)).collect::<Vec<_>>()
        );
        let has_failed = polls == 2;
        assert_eq!(span.status != Status::Unset, has_failed, "{polls}");
    }
}

/// A hook that was not needed is dropped before the span ends, with what it owns.
#[test]
fn an_unused_hook_is_dropped_inside_the_context() {
    let (spans, message, seen) = (spans(), message(), RefCell::new(Vec::new()));
    let hook = Witness(&seen, "hook");
    let mut reacting = Box::pin(
        spans
            .instrumentation
            .try_with_message_context(&message, |_| ready(Ok::<_, &str>(7)))
            .on_error(move |_| {
                drop(hook);
                ready(Err(()))
            }),
    );
    assert_eq!(poll(reacting.as_mut()), Poll::Ready(Ok(7)));
    let id = spans.only().span_context.span_id();
    assert_eq!(*seen.borrow(), [("hook", id)]);
}

/// In the call, and in the future; the error marks the span before that, unless it was expected.
#[test]
fn a_panic_of_the_hook_passes_through_and_ends_the_span() {
    for (expected, error_type) in [(false, "&str"), (true, "panic")] {
        for in_call in [true, false] {
            let (spans, message) = (spans(), message());
            let handling = spans
                .instrumentation
                .process(&message)
                .try_run_with(ready(Err::<(), _>("no such order")), |error| {
                    (!expected).then(|| Failure::new("&str", error))
                });
            let mut reacting = Box::pin(handling.on_error(|_| {
                assert!(!in_call, "in the call");
                async { panic!("in the future") as Result<(), ()> }
            }));
            let polled = catch_unwind(AssertUnwindSafe(|| poll(reacting.as_mut())));
            assert!(polled.is_err());
            let span = spans.only();
            assert!(matches!(span.status, Status::Error { .. }));
            assert_eq!(attribute(&span, "error.type"), Some(error_type.into()));
            assert!(!Context::current().has_active_span());
            drop(reacting);
            assert_eq!(spans.ended().len(), 1, "it ends once");
        }
    }
}

#[test]
fn a_panic_of_the_handler_needs_no_hook() {
    let (spans, message) = (spans(), message());
    let handling = spans
        .instrumentation
        .process(&message)
        .try_run(async { panic!("no such order") as Result<(), &str> });
    let reacting = handling.on_error(|_| -> Ready<Result<(), ()>> { unreachable!("no error") });
    let unwound = AssertUnwindSafe(reacting).catch_unwind().now_or_never();
    assert!(unwound.expect("ready").is_err());
    let error_type = attribute(&spans.only(), "error.type");
    assert_eq!(error_type, Some("panic".into()));
}

#[test]
fn polled_again_it_panics() {
    for handled in [Ok(7), Err("no such order")] {
        let message = message();
        let handling = otel_messaging::try_with_message_context(&message, |_| ready(handled));
        let mut reacting = Box::pin(handling.on_error(async |_| Err::<i32, _>(())));
        assert!(poll(reacting.as_mut()).is_ready());
        let again = catch_unwind(AssertUnwindSafe(|| poll(reacting.as_mut())));
        assert!(again.is_err());
    }
}

/// Handler and hook borrow one message, in a task that owns it.
#[tokio::test]
async fn a_task_may_own_the_message() {
    let spans = Arc::new(spans());
    let task = tokio::spawn({
        let spans = spans.clone();
        async move {
            let message = message();
            spans
                .instrumentation
                .try_with_message_context(&message, async |message: &Message| {
                    tokio::task::yield_now().await;
                    Err::<(), _>(format!("{} headers", message.headers.len()))
                })
                .on_error(async |error| {
                    tokio::task::yield_now().await;
                    Err::<(), _>((error, message.headers.len()))
                })
                .await
        }
    });
    let handled = task.await.expect("no panic");
    assert_eq!(handled, Err(("1 headers".to_owned(), 1)));
    assert!(matches!(spans.only().status, Status::Error { .. }));

    // Or the future alone is the task.
    let processing = spans.instrumentation.process(&message());
    let reacting = processing
        .try_run(async { Err::<(), _>("no such order") })
        .on_error(async |error| Err::<(), _>(error.len()));
    assert_eq!(tokio::spawn(reacting).await.expect("no panic"), Err(13));
}

/// `Send` as handler and hook are, and no more.
#[test]
fn the_future_is_send_and_can_be_named() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    type Handler = Ready<Result<u8, u8>>;
    type Judge = fn(&otel_messaging::Processing, &Result<u8, u8>);
    let message = message();
    let reacting: OnError<Handler, Judge, fn(u8) -> Handler, Handler> =
        otel_messaging::try_with_message_context(&message, |_| ready(Err(7)))
            .on_error(|error| ready(Ok(error + 1)));
    assert_eq!(assert_send(reacting).now_or_never(), Some(Ok(8)));

    let local = std::rc::Rc::new(7);
    let reacting = otel_messaging::try_with_message_context(&message, |_| ready(Err::<u8, u8>(7)))
        .on_error(async |error| Ok::<_, ()>(error + *local));
    assert_eq!(reacting.now_or_never(), Some(Ok(14)));
}
