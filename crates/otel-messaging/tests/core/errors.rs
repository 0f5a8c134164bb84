//! What a handler's error leaves on its span.

use crate::message::{Message, Spans, message, spans};
use futures_util::FutureExt;
use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry::{Context, Value};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData};
use otel_messaging::{Failure, Instrumentation, try_with_message_context_with};
use std::borrow::Cow;
use std::fmt;

/// The value of an attribute, which must not stand there twice.
pub(crate) fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    let mut found = span.attributes.iter().filter(|kv| kv.key.as_str() == key);
    let value = found.next().map(|kv| kv.value.clone());
    assert!(found.next().is_none(), "{key} stands twice: {span:?}");
    value
}

/// The text of a failed span.
fn failure(spans: &Spans) -> Cow<'static, str> {
    match spans.only().status {
        Status::Error { description } => description,
        status => panic!("{status:?}"),
    }
}

fn fail<E: fmt::Display>(error: E) -> Spans {
    let (spans, message) = (spans(), message());
    let handling = spans
        .instrumentation
        .try_with_message_context(&message, |_| async { Err::<(), E>(error) });
    let handled = handling.now_or_never().expect("ready");
    assert!(handled.is_err(), "it comes back");
    spans
}

#[test]
fn the_errors_text_and_its_type_are_on_the_span() {
    let boxed: Box<dyn std::error::Error + Send + Sync> = "no such order".into();
    let io = std::io::Error::other("no such order");
    for (spans, name) in [
        (fail("no such order"), "&str"),
        (fail(io), "std::io::error::Error"),
        (fail(anyhow::anyhow!("no such order")), "anyhow::Error"),
        (
            fail(boxed),
            "alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>",
        ),
    ] {
        assert_eq!(failure(&spans), "no such order");
        assert_eq!(attribute(&spans.only(), "error.type"), Some(name.into()));
    }

    let (spans, message) = (spans(), message());
    let processing = spans.instrumentation.process(&message);
    let handled = processing.try_run(async { Err::<(), _>("no such order") });
    assert_eq!(handled.now_or_never(), Some(Err("no such order")));
    assert_eq!(failure(&spans), "no such order");
}

/// An error of 100 MB, which counts how much of it was asked for.
struct Endless<'a>(&'a std::cell::Cell<usize>);

impl fmt::Display for Endless<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kilobyte = "x".repeat(1000);
        for _ in 0..100_000 {
            self.0.set(self.0.get() + kilobyte.len());
            f.write_str(&kilobyte)?;
        }
        Ok(())
    }
}

#[test]
fn of_a_long_text_no_more_is_made_than_is_shown() {
    let asked = std::cell::Cell::new(0);
    let spans = fail(Endless(&asked));
    assert_eq!(failure(&spans), "x".repeat(1024));
    assert_eq!(asked.get(), 2000);

    let spans = fail("📦".repeat(25 << 20));
    let Cow::Owned(text) = failure(&spans) else {
        panic!("a text of the error's");
    };
    assert_eq!(text, "📦".repeat(256));
    assert!(text.capacity() <= 2048, "{}", text.capacity());
}

#[test]
fn what_would_act_on_a_reader_is_replaced() {
    let spans = fail("no such order:\r\n\u{1b}[2J\u{202e}7");
    assert_eq!(failure(&spans), "no such order:  \u{fffd}[2J\u{fffd}7");
}

/// Nobody would read it.
#[test]
fn without_a_span_no_text_is_made() {
    let (asked, message) = (std::cell::Cell::new(0), message());
    let by = otel_messaging::Instrumentation::default();
    let handling =
        by.try_with_message_context(&message, async |_: &Message| Err::<(), _>(Endless(&asked)));
    assert!(handling.now_or_never().expect("ready").is_err());
    let handling = by.try_with_batch_context([&message], async |batch| {
        for message in batch {
            let refused = message.try_run(async |_| Err::<(), _>(Endless(&asked)));
            assert!(refused.await.is_err());
        }
        Err::<(), _>(Endless(&asked))
    });
    assert!(handling.now_or_never().expect("ready").is_err());
    assert_eq!(asked.get(), 0);
}

/// A second one would stand beside it, and the SDK keeps of two texts the one that sorts last.
#[test]
fn of_several_failures_the_first_is_on_the_span() {
    let (spans, message) = (spans(), message());
    let processing = spans.instrumentation.process(&message);
    processing.fail("order", "a first failure");
    let handling = processing.try_run(async { Err::<(), _>("a second one") });
    assert!(handling.now_or_never().expect("ready").is_err());
    assert_eq!(failure(&spans), "a first failure");
    assert_eq!(attribute(&spans.only(), "error.type"), Some("order".into()));
}

/// Without `Display`.
#[derive(Debug, PartialEq)]
enum OrderError {
    Duplicate,
    Refused { reason: &'static str },
}

#[test]
fn the_application_says_what_a_failure_is() {
    let endless = "x".repeat(5000);
    for (error, marked) in [
        (None, None),
        (Some(OrderError::Duplicate), None),
        (
            Some(OrderError::Refused {
                reason: "no\tmoney",
            }),
            Some(("refused", "no money")),
        ),
        (
            Some(OrderError::Refused { reason: "" }),
            Some(("endless", &endless[..1024])),
        ),
    ] {
        let (spans, message, calls) = (spans(), message(), std::cell::Cell::new(0));
        let failure_of = |error: &OrderError| {
            calls.set(calls.get() + 1);
            let current = Context::current().span().span_context().clone();
            assert_ne!(current.trace_id(), opentelemetry::TraceId::INVALID);
            match error {
                OrderError::Duplicate => None,
                OrderError::Refused { reason: "" } => {
                    Some(Failure::new(String::from("endless"), &endless))
                }
                OrderError::Refused { reason } => Some(Failure::new("refused", reason)),
            }
        };
        let has_failed = error.is_some();
        let by = &spans.instrumentation;
        let handling = by.try_with_message_context_with(
            &message,
            async |_: &Message| error.map_or(Ok(7), Err),
            failure_of,
        );
        let handled = handling.now_or_never().expect("ready");
        assert_eq!(handled.is_err(), has_failed);
        assert_eq!(calls.get(), usize::from(has_failed), "once an error");

        let span = spans.only();
        let status = marked.map_or(Status::Unset, |(_, text)| Status::error(text.to_owned()));
        assert_eq!(span.status, status);
        let error_type = marked.map(|(name, _)| name.into());
        assert_eq!(attribute(&span, "error.type"), error_type);
    }
}

#[test]
fn the_closure_of_the_free_function_and_of_a_processing_are_asked_too() {
    let (spans, message) = (spans(), message());
    let order = async || Err::<(), _>(OrderError::Duplicate);
    let mut seen = Vec::new();
    let handling = try_with_message_context_with(
        &message,
        |_| order(),
        |error| {
            seen.push(format!("{error:?}"));
            None
        },
    );
    assert_eq!(handling.now_or_never(), Some(Err(OrderError::Duplicate)));

    let processing = spans.instrumentation.process(&message);
    let handling = processing.try_run_with(order(), |error| {
        seen.push(format!("{error:?}"));
        Some(Failure::new("duplicate", "it is there already"))
    });
    assert_eq!(handling.now_or_never(), Some(Err(OrderError::Duplicate)));
    assert_eq!(failure(&spans), "it is there already");
    assert_eq!(seen, ["Duplicate", "Duplicate"]);
}

/// There the application has the error at hand while the message's context is current.
#[test]
fn a_synchronous_handlers_error_is_marked_in_its_context() {
    let (spans, message) = (spans(), message());
    let entered = spans.instrumentation.process(&message).enter();
    if let Err(error) = "seven".parse::<u8>() {
        entered.fail("order", &error);
        let current = Context::current().span().span_context().clone();
        assert_eq!(&current, entered.context().span().span_context());
    }
    drop(entered);
    assert_eq!(failure(&spans), "invalid digit found in string");
}

/// A metric needs it, and whoever prints the guard.
#[test]
fn the_type_of_a_failure_is_kept_where_no_span_records_it() {
    let unsampled = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .build();
    let unsampled = Instrumentation::builder().with_tracer_provider(&unsampled);
    for by in [
        Instrumentation::default(),
        Instrumentation::disabled(),
        unsampled.build(),
    ] {
        let span = by.process(&message());
        assert!(format!("{span:?}").contains("error_type: None"), "{span:?}");
        let asked = std::cell::Cell::new(0);
        span.fail("refused\u{1b}", Endless(&asked));
        assert_eq!(asked.get(), 0, "no text is made");
        span.fail("another", "a second one");
        let kept = "error_type: Some(\"refused\u{fffd}\")";
        assert!(format!("{span:?}").contains(kept), "{span:?}");
    }

    // And where one does.
    let (spans, message) = (spans(), message());
    let span = spans.instrumentation.process(&message);
    span.fail("refused", "no such order");
    assert!(format!("{span:?}").contains(r#"error_type: Some("refused")"#));
    drop(span);
    assert_eq!(
        attribute(&spans.only(), "error.type"),
        Some("refused".into())
    );
}
