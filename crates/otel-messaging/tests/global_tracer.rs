//! The global tracer provider may be replaced while messages are under way. One test, because the provider belongs to
//! the whole process.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::message;
use opentelemetry::{Context, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use otel_messaging::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than a thread looks at the settings for each of its messages.
const MANY: usize = 50;

/// What became of the spans of one provider.
#[derive(Debug, Clone, Default)]
struct Seen {
    ended: Arc<AtomicUsize>,
    links: Arc<AtomicUsize>,
    is_shut_down: Arc<AtomicBool>,
}

impl SpanProcessor for Seen {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.links.fetch_add(span.links.len(), Ordering::Relaxed);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        self.is_shut_down.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Seen {
    fn provider(&self) -> SdkTracerProvider {
        let provider = SdkTracerProvider::builder();
        provider.with_span_processor(self.clone()).build()
    }

    fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }

    fn is_shut_down(&self) -> bool {
        self.is_shut_down.load(Ordering::Relaxed)
    }
}

#[test]
fn no_message_is_without_a_span_while_providers_are_replaced() {
    let [first, second, third] = [(); 3].map(|()| Seen::default());
    let provider = first.provider();
    global::set_tracer_provider(provider.clone());
    for _ in 0..MANY {
        drop(process(&message()));
    }
    assert_eq!(first.ended(), MANY);

    // Shut down and replaced: the next message finds that out, and has its span with all that belongs to it.
    provider.shutdown().expect("nothing is left to export");
    global::set_tracer_provider(second.provider());
    drop(process(&message()));
    assert_eq!((first.ended(), second.ended()), (MANY, 1));
    assert_eq!(second.links.load(Ordering::Relaxed), 1);

    // Replaced, and not shut down: it gets the spans of a second more.
    let idle = idle_thread();
    global::set_tracer_provider(third.provider());
    let since = Instant::now();
    let mut messages = 1;
    while third.ended() == 0 {
        drop(process(&message()));
        messages += 1;
        assert_eq!(second.ended() + third.ended(), messages);
        assert!(since.elapsed() < Duration::from_secs(30), "never seen");
        thread::yield_now();
    }
    assert!(since.elapsed() < Duration::from_secs(5), "a second at most");
    // A thread that knows it and is idle does not keep it.
    assert!(second.is_shut_down() && !third.is_shut_down());
    idle.get_or_init(|| ());
}

/// Starts a thread that knows the providers, and that lives until the cell is set.
fn idle_thread() -> Arc<OnceLock<()>> {
    let (done, is_over) = (Arc::new(OnceLock::new()), Arc::new(OnceLock::new()));
    let (handled, waits) = (done.clone(), is_over.clone());
    thread::spawn(move || {
        // It looks at the providers as a message does, and has no span.
        let _ = otel_messaging::self_check();
        handled.get_or_init(|| ());
        waits.wait();
    });
    done.wait();
    is_over
}
