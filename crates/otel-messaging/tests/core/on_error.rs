//! What is done about a handler's error, inside the span of the handling.

use crate::errors::attribute;
use crate::message::{Message, NOWHERE, message, spans};
use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::trace::{Span, SpanId, Status, TraceContextExt, Tracer, TracerProvider};
use otel_messaging::Failure;
use otel_messaging::consumer::OnError;
use std::cell::Cell;
use std::future::{Ready, poll_fn, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

fn current() -> SpanId {
    Context::current().span().span_context().span_id()
}

pub(crate) fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(Waker::noop()))
}

/// Is pending once.
pub(crate) async fn turn() {
    let mut is_second = false;
    poll_fn(|_| match std::mem::replace(&mut is_second, true) {
        false => Poll::Pending,
        true => Poll::Ready(()),
    })
    .await;
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
                drop(by.outgoing("send", &NOWHERE));
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
    type Judge = fn(&otel_messaging::consumer::MessageSpan, &Result<u8, u8>);
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
