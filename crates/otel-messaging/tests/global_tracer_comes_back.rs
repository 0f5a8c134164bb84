//! A global tracer provider that sends and handles messages while it is asked for a tracer. One test, because the
//! provider belongs to the whole process.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::{NOWHERE, TRACEPARENT, message};
use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, global};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider};
use otel_messaging::loss::caught_panics;
use otel_messaging::{Instrumentation, process};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const THREADS: usize = 3;

const MESSAGES: usize = 300;

/// Handles a message in which it publishes another one, each time that it is asked for a tracer.
#[derive(Clone)]
struct ComesBack(SdkTracerProvider);

/// How many messages it has published.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

impl TracerProvider for ComesBack {
    type Tracer = SdkTracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> SdkTracer {
        let depth = DEPTH.get();
        // The caller catches a panic and counts it.
        assert!(depth == 0, "it is asked again");
        DEPTH.set(depth + 1);
        // The provider makes no span for what it sends itself.
        assert_eq!(handle(), TRACEPARENT);
        INSIDE.fetch_add(1, Ordering::Relaxed);
        DEPTH.set(depth);
        self.0.tracer_with_scope(scope)
    }
}

/// Handles a message and publishes another one in its handler. Returns the context that goes out.
fn handle() -> String {
    let _entered = process(&message()).enter();
    let sending = Instrumentation::global().outgoing("publish", &NOWHERE);
    let mut headers = BTreeMap::new();
    sending.inject(&mut headers, None);
    headers.remove("traceparent").expect("a context goes out")
}

/// Each of the threads looks at the provider for its first messages, and each time it is another provider.
#[test]
fn a_global_tracer_provider_that_comes_back_waits_for_nobody() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone());
    let provider = ComesBack(provider.build());
    global::set_tracer_provider(provider.clone());
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    let setting = thread::spawn(move || {
        while !IS_OVER.load(Ordering::Relaxed) {
            global::set_tracer_provider(provider.clone());
        }
    });
    let (done, waiting) = mpsc::channel();
    for _ in 0..THREADS {
        let done = done.clone();
        thread::spawn(move || {
            for _ in 0..MESSAGES {
                let sent = handle();
                assert_eq!(sent[..36], TRACEPARENT[..36], "the trace goes on");
                assert_ne!(sent, TRACEPARENT, "the span goes out");
            }
            done.send(()).unwrap();
        });
    }
    for _ in 0..THREADS {
        waiting
            .recv_timeout(Duration::from_secs(60))
            .expect("no thread waits for itself, and none panics");
    }
    IS_OVER.store(true, Ordering::Relaxed);
    setting.join().unwrap();
    let ended = exporter.get_finished_spans().expect("in memory").len();
    // Two spans for each message of a thread, and none for what the provider sends.
    assert_eq!(ended, 2 * THREADS * MESSAGES);
    assert!(INSIDE.load(Ordering::Relaxed) > 0);
    assert_eq!(caught_panics(), 0);
}
