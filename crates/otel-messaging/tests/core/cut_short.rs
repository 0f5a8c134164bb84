//! Hooks about an error that are dropped, or panic.

use crate::errors::attribute;
use crate::message::{message, spans};
use crate::on_error::{poll, turn};
use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, Status, TraceContextExt};
use otel_messaging::Failure;
use std::cell::RefCell;
use std::future::{Ready, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// Writes down its name and the span that is current, when it is dropped.
struct Witness<'a>(&'a RefCell<Vec<(&'static str, SpanId)>>, &'static str);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        let current = Context::current().span().span_context().span_id();
        self.0.borrow_mut().push((self.1, current));
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
