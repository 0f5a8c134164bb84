//! Log processors and exporters that panic, come back or hang: the message is sent and handled.

use crate::message::{Message, NOWHERE, message};
use futures_util::FutureExt;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    LogBatch, LogExporter, LogProcessor, SdkLogRecord, SdkLoggerProvider,
};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::Outcome;
use otel_messaging::loss::caught_panics;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Calls this for each record.
struct Calls<F>(F);

impl<F> fmt::Debug for Calls<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Calls")
    }
}

impl<F: Fn() + Send + Sync> LogProcessor for Calls<F> {
    fn emit(&self, _: &mut SdkLogRecord, _: &InstrumentationScope) {
        (self.0)();
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
}

fn by(on_record: impl Fn() + Send + Sync + 'static) -> Instrumentation {
    let provider = SdkLoggerProvider::builder().with_log_processor(Calls(on_record));
    let provider = provider.build();
    Instrumentation::builder()
        .with_exception_events(&provider)
        .build()
}

/// Handles a message, and sends one; both fail.
fn fail(by: &Instrumentation) {
    let message = message();
    let failing = async |_: &Message| Err::<u8, _>("no such article");
    let handling = by.try_with_message_context(&message, failing);
    assert_eq!(handling.now_or_never(), Some(Err("no such article")));
    let refused = Outcome::failed("NO_ROUTE", &"no such queue");
    by.outgoing("publish", &NOWHERE).finish(refused);
}

/// After 16 panics in a row the provider is not asked for a minute.
#[test]
fn a_processor_that_panics_does_no_harm() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let by = by(move || {
        count.fetch_add(1, Ordering::SeqCst);
        panic!("in a log processor");
    });
    let before = caught_panics();
    for _ in 0..20 {
        fail(&by);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 16);
    assert!(caught_panics() - before >= 16);
}

/// What it fails to send has no event of its own, which would have another one, without end.
#[test]
fn a_processor_that_sends_is_not_asked_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let own = Arc::new(Mutex::new(None));
    let given = own.clone();
    let by = by(move || {
        count.fetch_add(1, Ordering::SeqCst);
        let by: Option<Instrumentation> = given.lock().expect("not poisoned").clone();
        fail(&by.expect("given"));
    });
    *own.lock().expect("not poisoned") = Some(by.clone());
    fail(&by);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// Processors copy baggage onto records.
#[test]
fn a_processor_sees_the_messages_context() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let given = seen.clone();
    let by = by(move || {
        let tenant = Context::current().baggage().get("tenant").cloned();
        given.lock().expect("not poisoned").push(tenant);
    });
    let mut message = message();
    let baggage = ("baggage".to_owned(), "tenant=acme".to_owned());
    message.headers.extend([baggage]);
    by.process(&message).fail("article", "no such article");
    let _attached = Context::current()
        .with_baggage([KeyValue::new("tenant", "acme")])
        .attach();
    let sending = by.outgoing("publish", &NOWHERE);
    sending.finish(Outcome::failed("NO_ROUTE", &"no such queue"));
    assert_eq!(
        *seen.lock().expect("not poisoned"),
        [Some("acme".into()), Some("acme".into())]
    );
}

/// The provider ends with the last message, if the application has dropped everything else.
#[test]
fn a_processor_that_panics_at_its_end_does_no_harm() {
    #[derive(Debug)]
    struct PanicsAtItsEnd(Arc<AtomicUsize>);

    impl LogProcessor for PanicsAtItsEnd {
        fn emit(&self, _: &mut SdkLogRecord, _: &InstrumentationScope) {}

        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }

        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("at the end of a log processor");
        }
    }

    let ended = Arc::new(AtomicUsize::new(0));
    let processor = PanicsAtItsEnd(ended.clone());
    let provider = SdkLoggerProvider::builder().with_log_processor(processor);
    let provider = provider.build();
    let by = Instrumentation::builder().with_exception_events(&provider);
    let by = by.build();
    drop(provider);
    let span = by.process(&message());
    span.fail("article", "no such article");
    drop(by);
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    drop(span);
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

/// Hangs until it is released.
#[derive(Debug, Clone, Default)]
struct Stuck(Arc<(Mutex<bool>, Condvar)>);

impl Stuck {
    fn release(&self) {
        *self.0.0.lock().expect("not poisoned") = true;
        self.0.1.notify_all();
    }
}

impl LogExporter for Stuck {
    async fn export(&self, _: LogBatch<'_>) -> OTelSdkResult {
        let (is_released, changed) = &*self.0;
        let is_released = is_released.lock().expect("not poisoned");
        let _released = changed.wait_while(is_released, |it| !*it);
        Ok(())
    }
}

/// The SDK's processor exports on a thread of its own, and drops what its queue has no room for.
#[test]
fn an_exporter_that_hangs_does_no_harm_behind_a_queue() {
    let stuck = Stuck::default();
    let provider = SdkLoggerProvider::builder().with_batch_exporter(stuck.clone());
    let provider = provider.build();
    let by = Instrumentation::builder().with_exception_events(&provider);
    let by = by.build();
    for _ in 0..3_000 {
        fail(&by);
    }
    stuck.release();
    provider.shutdown().expect("it is released");
}
