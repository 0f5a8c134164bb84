//! Global tracer providers that panic when they are dropped. One test, because the provider belongs to the whole process.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::{NOWHERE, TRACEPARENT, message};
use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, global};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use otel_messaging::loss::caught_panics;
use otel_messaging::{Instrumentation, process};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than a thread looks at the settings for each of its messages.
const MANY: usize = 50;

const THREADS: usize = 3;

/// Panics when it is dropped.
struct Bomb {
    provider: SdkTracerProvider,
    is_dropped: Arc<AtomicBool>,
}

impl TracerProvider for Bomb {
    type Tracer = SdkTracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> SdkTracer {
        self.provider.tracer_with_scope(scope)
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.is_dropped.store(true, Ordering::Relaxed);
        panic!("a provider is dropped");
    }
}

/// Sets another global provider, and returns whether that one is dropped.
fn set_bomb() -> Arc<AtomicBool> {
    let is_dropped = Arc::new(AtomicBool::new(false));
    global::set_tracer_provider(Bomb {
        provider: SdkTracerProvider::builder().build(),
        is_dropped: is_dropped.clone(),
    });
    is_dropped
}

/// Handles a message and publishes another one in its handler.
fn handle() {
    let entered = process(&message()).enter();
    let sending = Instrumentation::global().outgoing("publish", &NOWHERE);
    let mut headers = BTreeMap::new();
    sending.inject(&mut headers, None);
    let written = &headers["traceparent"];
    assert_eq!(written[..36], TRACEPARENT[..36], "the trace goes on");
    drop(entered);
}

/// This crate has the last handle of a provider that was replaced. A thread drops it: the first one that sees the next
/// provider, or one that was still working with the old one.
#[test]
fn a_provider_that_panics_when_it_is_dropped_takes_no_message_along() {
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    static HANDLED: AtomicUsize = AtomicUsize::new(0);
    let mut known = set_bomb();
    for _ in 0..MANY {
        handle();
    }
    let threads = [(); THREADS].map(|()| {
        thread::spawn(|| {
            while !IS_OVER.load(Ordering::Relaxed) {
                handle();
                HANDLED.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for dropped in 1..=3 {
        let next = set_bomb();
        assert!(
            !known.load(Ordering::Relaxed),
            "setting the next one does not drop it"
        );
        let since = Instant::now();
        while !known.load(Ordering::Relaxed) || caught_panics() < dropped {
            handle();
            assert!(
                since.elapsed() < Duration::from_secs(30),
                "never dropped, or not counted"
            );
            thread::yield_now();
        }
        assert!(since.elapsed() < Duration::from_secs(5), "a second at most");
        assert_eq!(caught_panics(), dropped);
        known = next;
    }
    // The threads go on after that.
    let before = HANDLED.load(Ordering::Relaxed);
    let since = Instant::now();
    while HANDLED.load(Ordering::Relaxed) < before + MANY * THREADS {
        handle();
        assert!(
            since.elapsed() < Duration::from_secs(30),
            "no thread goes on"
        );
        thread::yield_now();
    }
    IS_OVER.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("no panic reaches a message");
    }
    assert_eq!(caught_panics(), 3);
}
