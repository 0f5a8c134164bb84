//! What failed messages of a batch leave on its span.

use crate::errors::attribute;
use crate::message::{Spans, spans};
use crate::meter::meter;
use crate::order::{Order, orders};
use futures_util::FutureExt;
use opentelemetry::Value;
use opentelemetry::trace::Status;
use otel_messaging::Failure;
use otel_messaging::adapter::semconv;
use otel_messaging::consumer::BatchMessage;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};

const FAILED: &str = semconv::OTEL_MESSAGING_BATCH_FAILED_MESSAGES;

async fn refuse(order: &Order) -> Result<(), String> {
    match order.number {
        1 => Ok(()),
        number => Err(format!("order {number} refused")),
    }
}

#[track_caller]
fn assert_failed(spans: &Spans, text: &'static str, error_type: &'static str, failed: Option<i64>) {
    let span = spans.only();
    assert_eq!(span.status, Status::error(text));
    assert_eq!(attribute(&span, "error.type"), Some(error_type.into()));
    assert_eq!(attribute(&span, FAILED), failed.map(Value::from));
}

#[tokio::test]
async fn the_first_error_marks_the_span_which_says_how_many_failed() {
    let (spans, meter, messages) = (spans(), meter(), orders(1..5));
    let by = spans.instrumentation.to_builder();
    let by = by.with_meter_provider(&meter.provider).build();
    let handling = by.with_batch_context(&messages, async |batch| {
        let mut failed = 0;
        for message in batch {
            failed += usize::from(message.try_run(refuse).await.is_err());
        }
        failed
    });
    assert_eq!(handling.await, 3);
    let error_type = "alloc::string::String";
    assert_failed(&spans, "order 2 refused", error_type, Some(3));
    let took = meter.only(semconv::MESSAGING_PROCESS_DURATION);
    assert_eq!(took.attributes["error.type"], error_type);
}

#[tokio::test]
async fn the_application_decides_what_an_error_is() {
    let (spans, messages) = (spans(), orders(1..5));
    let failure = |error: &String| (!error.contains('3')).then(|| Failure::new("refused", "-"));
    let handling = spans
        .instrumentation
        .with_batch_context(&messages, async |batch| {
            for message in batch {
                let _ = message.try_run_with(refuse, failure).await;
            }
        });
    handling.await;
    assert_failed(&spans, "-", "refused", Some(2));
}

/// The batch's own error has no message of its own.
#[tokio::test]
async fn a_batchs_own_error_marks_it() {
    let (spans, messages) = (spans(), orders(1..3));
    let handling = spans
        .instrumentation
        .try_with_batch_context(&messages, |_| ready(Err::<(), _>("no database")));
    assert_eq!(handling.await, Err("no database"));
    assert_failed(&spans, "no database", "&str", None);
}

#[tokio::test]
async fn an_error_that_ends_the_batch_counts_once() {
    let (spans, messages) = (spans(), orders(1..5));
    let handling = spans
        .instrumentation
        .try_with_batch_context(&messages, async |batch| {
            for message in batch {
                message.try_run(refuse).await?;
            }
            Ok::<_, String>(())
        });
    assert_eq!(handling.await, Err("order 2 refused".to_owned()));
    assert_failed(&spans, "order 2 refused", "alloc::string::String", Some(1));
}

#[test]
fn a_synchronous_handler_marks_it_too() {
    let (spans, messages) = (spans(), orders(1..4));
    let (span, batch) = spans.instrumentation.process_batch(&messages);
    let entered = span.enter();
    for message in batch {
        let (message, span) = message.into_parts();
        let entered = span.enter();
        if let Some(Err(error)) = refuse(message).now_or_never() {
            entered.fail("order", &error);
            entered.fail("order", "said twice");
        }
    }
    drop(entered);
    assert_failed(&spans, "order 2 refused", "order", Some(2));
}

fn panicking(message: BatchMessage<Order>) -> impl Future<Output = ()> {
    message.run(async |_| panic!("in a handler"))
}

/// Whether the panic reaches the batch's handler, or a task keeps it.
#[tokio::test]
async fn a_panic_marks_it() {
    let spans = spans();
    let handling = spans
        .instrumentation
        .with_batch_context(orders(1..4), async |batch| {
            for message in batch {
                let joined = tokio::spawn(panicking(message)).await;
                assert!(joined.is_err_and(|error| error.is_panic()));
            }
        });
    handling.await;
    assert_failed(&spans, "the handler panicked", "panic", Some(3));

    let spans = crate::message::spans();
    let handling = spans
        .instrumentation
        .with_batch_context(orders(1..4), async |batch| {
            for message in batch {
                panicking(message).await;
            }
        });
    let caught = catch_unwind(AssertUnwindSafe(|| handling.now_or_never()));
    assert!(caught.is_err());
    assert_failed(&spans, "the handler panicked", "panic", Some(1));
}

/// A message may be handled when its batch has ended, for example in a task.
#[test]
fn a_failure_after_the_end_marks_nothing() {
    let (spans, messages) = (spans(), orders(2..4));
    let (span, batch) = spans.instrumentation.process_batch(&messages);
    drop(span);
    for message in batch {
        assert!(message.try_run(refuse).now_or_never().is_some());
    }
    let span = spans.only();
    assert_eq!(span.status, Status::Unset);
    assert_eq!(attribute(&span, FAILED), None);
}
