//! A processor that panics whenever a span ends, also where we have the span's last handle, and while
//! something else panics already.

use crate::message::{NOWHERE, Sent, message};
use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use otel_messaging::adapter::{Destination, Outgoing};
use otel_messaging::{Instrumentation, closure_in_context, future_in_context};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Panics at the end of each span that is not named for something good.
#[derive(Debug, Default, Clone)]
struct Ends(Arc<AtomicU32>);

impl SpanProcessor for Ends {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.fetch_add(1, Ordering::SeqCst);
        assert!(span.name.contains("good"), "a span ends");
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn hostile() -> (SdkTracerProvider, Instrumentation, Ends) {
    let ends = Ends::default();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(ends.clone())
        .build();
    let by = Instrumentation::builder()
        .with_tracer_provider(&provider)
        .build();
    (provider, by, ends)
}

/// A span of the application's that nobody ends by name, current for the work alone.
fn inside<T>(provider: &SdkTracerProvider, work: impl FnOnce() -> T) -> T {
    let checkout = provider.tracer("shop").start("checkout");
    let _attached = Context::new().with_span(checkout).attach();
    work()
}

fn send(by: &Instrumentation) -> Outgoing {
    by.outgoing("send", &NOWHERE)
}

/// As in a producer's callback, long after the caller's span is out of scope. Once telemetry is off,
/// the message has no span of its own, and keeps the caller's.
#[test]
fn a_message_that_keeps_its_callers_span_ends_it_behind_the_boundary() {
    let (provider, by, ends) = hostile();
    for _ in 0..16 {
        drop(send(&by));
    }
    let sending = inside(&provider, || send(&by));
    assert!(sending.context().span().span_context().is_valid());
    assert_eq!(ends.0.load(Ordering::SeqCst), 16);
    drop(sending);
    assert_eq!(ends.0.load(Ordering::SeqCst), 17);
}

#[tokio::test]
async fn work_that_was_handed_over_ends_its_callers_span_behind_the_boundary() {
    let (provider, _, ends) = hostile();
    assert_eq!(inside(&provider, || closure_in_context(|| 7))(), 7);
    let task = inside(&provider, || future_in_context(async { 7 }));
    assert_eq!(tokio::spawn(task).await.expect("no panic"), 7);
    drop(inside(&provider, || closure_in_context(|| 7)));
    // Two panics at a time would abort.
    let fails = inside(&provider, || closure_in_context(|| panic!("the work")));
    assert!(catch_unwind(AssertUnwindSafe(fails)).is_err());
    assert_eq!(ends.0.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_handler_may_panic_while_telemetry_does() {
    let (_, by, ends) = hostile();
    let message = message();
    let panics = |_| async { panic!("the handler") };
    let handled = by.with_message_context(&message, panics);
    let handled = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(handled));
    assert!(handled.await.is_err());

    let entered = catch_unwind(AssertUnwindSafe(|| {
        let _entered = by.process(&message).enter();
        panic!("the handler");
    }));
    assert!(entered.is_err());

    let fails = async |_: &_| Err::<(), _>("no such article");
    let hook = |_| async { panic!("the hook") };
    let handled = by.try_with_message_context_with(&message, fails, |_| panic!("the judge"));
    let handled = handled.on_error::<_, _, &str>(hook);
    let handled = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(handled));
    assert!(handled.await.is_err());
    assert_eq!(ends.0.load(Ordering::SeqCst), 3);
}

/// Each good span begins before a bad one ends, and ends after it.
#[test]
fn of_work_that_overlaps_what_goes_well_counts_too() {
    let (_, by, ends) = hostile();
    let good = || by.outgoing("send", &Sent(Destination::named("good")));
    let mut last = good();
    for _ in 0..50 {
        let next = good();
        drop(send(&by));
        drop(std::mem::replace(&mut last, next));
    }
    drop(last);
    assert_eq!(ends.0.load(Ordering::SeqCst), 101);
}
