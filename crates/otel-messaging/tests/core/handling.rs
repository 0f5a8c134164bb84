//! The future of a handler: when its span ends, and when its context is current.

use crate::errors::attribute;
use crate::message::{Message, TestClient, message, spans};
use futures_util::FutureExt;
use opentelemetry::trace::noop::NoopTracer;
use opentelemetry::trace::{SpanId, Status, TraceContextExt, TracerProvider};
use opentelemetry::{Context, InstrumentationScope};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{Client, Describe, Destination, TextMap, semconv};
use otel_messaging::consumer::InContext;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// Says which span was current when it was dropped.
struct Witness<'a>(&'a Cell<Option<SpanId>>);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        let current = Context::current().span().span_context().span_id();
        self.0.set(Some(current));
    }
}

#[test]
fn a_cancelled_handler_is_dropped_inside_its_context() {
    let (spans, message, seen) = (spans(), message(), Cell::new(None));
    let mut handling = Box::pin(spans.instrumentation.with_message_context(
        &message,
        async |_: &Message| {
            let _witness = Witness(&seen);
            std::future::pending::<()>().await;
        },
    ));
    assert!(handling.as_mut().now_or_never().is_none());
    assert!(spans.ended().is_empty());
    drop(handling);

    let span = spans.only();
    assert_eq!(seen.get(), Some(span.span_context.span_id()));
    assert_eq!(span.status, Status::Unset);
    assert!(!Context::current().has_active_span());
}

#[test]
fn a_finished_handler_is_dropped_inside_its_context_before_its_span_ends() {
    let (spans, message, seen) = (spans(), message(), Cell::new(None));
    let handled = spans.instrumentation.with_message_context(&message, |_| {
        let witness = Witness(&seen);
        async move {
            // Moved in, so that it lives as long as the future.
            let _ = &witness;
        }
    });
    assert_eq!(handled.now_or_never(), Some(()));
    assert_eq!(seen.get(), Some(spans.only().span_context.span_id()));
}

#[test]
fn the_span_ends_with_the_handler_and_not_with_its_future() {
    let (spans, message) = (spans(), message());
    let mut handling = Box::pin(
        spans
            .instrumentation
            .with_message_context(&message, |_| async {}),
    );
    assert_eq!(handling.as_mut().now_or_never(), Some(()));
    assert_eq!(spans.ended().len(), 1);
    drop(handling);
    assert_eq!(spans.ended().len(), 1);
}

/// A message of a client that gives no headers at all.
#[test]
fn without_headers_the_span_is_a_root_inside_any_span() {
    struct Bare;
    impl Describe<TextMap> for Bare {
        type Client = TestClient;

        fn destination(&self) -> Destination<'_> {
            Destination::unknown()
        }
    }
    impl otel_messaging::Received<TextMap> for Bare {
        type Headers = std::collections::BTreeMap<String, String>;

        fn message_headers(&self) -> Option<&Self::Headers> {
            None
        }
    }
    let spans = spans();
    let around = otel_messaging::extract(&message().headers);
    let _attached = around.clone().attach();
    let around_span = around.span();
    drop(spans.instrumentation.process(&Bare));
    let span = spans.only();
    assert_eq!(span.name, "process");
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    let [link] = &*span.links.links else {
        panic!("a link to the span around it");
    };
    assert_eq!(&link.span_context, around_span.span_context());
    let scope = &span.instrumentation_scope;
    assert_eq!(scope.name(), TestClient::NAME);
    assert_eq!(scope.version(), Some(TestClient::VERSION));
    assert_eq!(scope.schema_url(), Some(semconv::SCHEMA_URL));
}

#[test]
fn a_panic_passes_through_and_marks_the_span() {
    let (spans, message) = (spans(), message());
    let handling = spans
        .instrumentation
        .with_message_context(&message, async |_: &Message| panic!("no such order"));
    assert!(
        AssertUnwindSafe(handling)
            .catch_unwind()
            .now_or_never()
            .expect("ready")
            .is_err()
    );
    let span = spans.only();
    assert!(matches!(span.status, Status::Error { .. }));
    assert_eq!(attribute(&span, "error.type"), Some("panic".into()));
    assert!(!Context::current().has_active_span());
}

/// Whoever catches the panic may keep the rest of the handler for long.
#[test]
fn a_panic_ends_the_span_and_not_what_is_left_of_the_future() {
    let (spans, message) = (spans(), message());
    let mut handling = Box::pin(
        spans
            .instrumentation
            .with_message_context(&message, async |_: &Message| panic!("no such order")),
    );
    let poll = AssertUnwindSafe(|| handling.as_mut().now_or_never());
    assert!(std::panic::catch_unwind(poll).is_err());
    assert!(matches!(spans.only().status, Status::Error { .. }));
    drop(handling);
    assert_eq!(spans.ended().len(), 1, "it ends once");
}

/// As other futures do. For ever pending, it would hang its task.
#[test]
#[should_panic = "`InContext` polled after completion"]
fn polled_again_it_panics() {
    let message = message();
    let mut handling = Box::pin(otel_messaging::with_message_context(&message, |_| async {}));
    assert_eq!(handling.as_mut().now_or_never(), Some(()));
    let _ = handling.as_mut().now_or_never();
}

#[test]
#[should_panic = "`InContext` polled after completion"]
fn background_work_that_is_polled_again_panics() {
    let mut work = Box::pin(otel_messaging::future_in_context(async { 7 }));
    assert_eq!(work.as_mut().now_or_never(), Some(7));
    let _ = work.as_mut().now_or_never();
}

#[tokio::test]
async fn a_panic_in_a_task_marks_the_span() {
    let (spans, message) = (spans(), message());
    let processing = spans.instrumentation.process(&message);
    let handling = processing.run(async { panic!("no such order") });
    let joined: Result<(), _> = tokio::spawn(handling).await;
    assert!(joined.is_err());
    assert!(matches!(spans.only().status, Status::Error { .. }));
}

#[test]
fn the_handlers_synchronous_part_sees_the_context() {
    let (spans, message) = (spans(), message());
    let seen = Cell::new(None);
    let handled = spans.instrumentation.with_message_context(&message, |_| {
        drop(Witness(&seen));
        async {}
    });
    assert_eq!(handled.now_or_never(), Some(()));
    assert_eq!(seen.get(), Some(spans.only().span_context.span_id()));
}

#[test]
fn messages_behind_pointers_and_generic_functions_infer_the_marker() {
    async fn handle_any<C, M: otel_messaging::Received<C>>(message: M) -> bool {
        otel_messaging::with_message_context(&message, |_| async { true }).await
    }
    assert_eq!(handle_any(message()).now_or_never(), Some(true));
    assert_eq!(handle_any(&message()).now_or_never(), Some(true));
    assert_eq!(handle_any(Box::new(message())).now_or_never(), Some(true));
    assert_eq!(handle_any(Arc::new(message())).now_or_never(), Some(true));
}

#[test]
fn the_future_is_send_and_can_be_named() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let message = message();
    let handling: InContext<std::future::Ready<u8>> =
        otel_messaging::with_message_context(&message, |_| std::future::ready(7));
    assert_eq!(assert_send(handling).now_or_never(), Some(7));
}

#[test]
fn a_panic_in_an_entered_context_marks_the_span() {
    let (spans, message) = (spans(), message());
    let unwound = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let _entered = spans.instrumentation.process(&message).enter();
        panic!("no such order");
    }));
    assert!(unwound.is_err());
    assert_eq!(attribute(&spans.only(), "error.type"), Some("panic".into()));
    assert!(!Context::current().has_active_span());
}

/// Two handlers run at once; one panics, and both are dropped by that.
#[test]
fn a_neighbour_of_a_panic_was_only_cancelled() {
    let (spans, message) = (spans(), message());
    let waiting = spans
        .instrumentation
        .with_message_context(&message, |_| std::future::pending::<()>());
    let neighbours = async {
        let panicking = async { panic!("another order") };
        futures_util::future::join(waiting, panicking).await
    };
    let unwound = AssertUnwindSafe(neighbours).catch_unwind();
    assert!(
        unwound
            .now_or_never()
            .is_some_and(|outcome| outcome.is_err())
    );
    let span = spans.only();
    assert_eq!(span.status, Status::Unset);
    assert_eq!(attribute(&span, "error.type"), None);
}

/// A destructor handles a message while somebody else's panic unwinds.
#[test]
fn handling_during_an_unwinding_is_no_panic() {
    struct Handles<'a>(&'a crate::message::Spans);
    impl Drop for Handles<'_> {
        fn drop(&mut self) {
            let message = message();
            drop(self.0.instrumentation.process(&message).enter());
            let handled = self
                .0
                .instrumentation
                .with_message_context(&message, |_| async {});
            assert_eq!(handled.now_or_never(), Some(()));
        }
    }
    let spans = spans();
    let unwound = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let _handles = Handles(&spans);
        panic!("another order");
    }));
    assert!(unwound.is_err());
    assert_eq!(spans.ended().len(), 2);
    assert!(
        spans
            .ended()
            .iter()
            .all(|span| span.status == Status::Unset)
    );
}

/// A provider without effect gives out the ids of the parent, and not a span of its own.
#[test]
fn by_a_given_provider_without_effect_what_came_in_goes_out() {
    #[derive(Clone)]
    struct WithoutEffect;

    impl TracerProvider for WithoutEffect {
        type Tracer = NoopTracer;

        fn tracer_with_scope(&self, _: InstrumentationScope) -> NoopTracer {
            NoopTracer::new()
        }
    }

    let by = Instrumentation::builder()
        .with_tracer_provider(&WithoutEffect)
        .build();
    let message = message();
    let span = by.process(&message);
    let sender = by.extract(&message.headers);
    let came = sender.span().span_context().clone();
    assert_eq!(span.context().span().span_context(), &came);
    let _attached = span.context().clone().attach();
    let outgoing = by.outgoing("send", &message);
    let mut headers = BTreeMap::new();
    outgoing.inject(&mut headers, None);
    assert_eq!(headers, message.headers);
}
