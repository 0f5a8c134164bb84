//! The global tracer provider is shut down, and no other one takes its place for a while. One test, because the provider
//! belongs to the whole process.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::{Message, NOWHERE, message};
use opentelemetry::trace::TracerProvider;
use opentelemetry::{Context, InstrumentationScope, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span, SpanData, SpanProcessor};
use otel_messaging::loss::caught_panics;
use otel_messaging::{Instrumentation, process};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than a thread looks at the settings for each of its messages.
const MANY: usize = 50;

/// So many messages come while there is no provider that makes spans.
const THOUSANDS: usize = 5_000;

#[derive(Debug, Clone, Default)]
struct Ended(Arc<AtomicUsize>);

impl SpanProcessor for Ended {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, _: SpanData) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The SDK's provider. It counts how often it is asked for a tracer.
#[derive(Clone)]
struct Counted {
    provider: SdkTracerProvider,
    ended: Ended,
    asked: Arc<AtomicUsize>,
}

impl TracerProvider for Counted {
    type Tracer = SdkTracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> SdkTracer {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.provider.tracer_with_scope(scope)
    }
}

impl Counted {
    fn new() -> Self {
        let ended = Ended::default();
        let provider = SdkTracerProvider::builder().with_span_processor(ended.clone());
        Self {
            provider: provider.build(),
            ended,
            asked: Arc::default(),
        }
    }

    fn ended(&self) -> usize {
        self.ended.0.load(Ordering::Relaxed)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The context of the message with this number.
fn traceparent(number: usize) -> String {
    format!("00-{number:032x}-{number:016x}-01")
}

/// Handles a message and publishes another one in its handler. Returns the context that goes out.
fn handle(number: usize) -> String {
    let received = Message {
        headers: BTreeMap::from([("traceparent".to_owned(), traceparent(number))]),
    };
    let _entered = process(&received).enter();
    let sending = Instrumentation::global().outgoing("publish", &NOWHERE);
    let mut headers = BTreeMap::new();
    sending.inject(&mut headers, None);
    let written = headers.remove("traceparent").expect("a context goes out");
    assert!(headers.is_empty(), "{headers:?}");
    written
}

#[test]
fn messages_keep_their_contexts_while_the_provider_is_shut_down() {
    let first = Counted::new();
    global::set_tracer_provider(first.clone());
    for _ in 0..MANY {
        drop(process(&message()));
    }
    assert_eq!(first.ended(), MANY);

    first
        .provider
        .shutdown()
        .expect("nothing is left to export");
    let (before, since) = (first.asked(), Instant::now());
    for number in 1..=THOUSANDS {
        assert_eq!(handle(number), traceparent(number));
    }
    let (asked, took) = (first.asked() - before, since.elapsed());
    assert_eq!(first.ended(), MANY, "nothing is exported");
    // A look takes two tracers: the one that is tried and the client's. There is a look every 10 ms and no more, beside
    // the first one and the one of each second.
    let looks = 2 + took.as_millis() / 10 + u128::from(took.as_secs());
    assert!(asked > 0, "nobody looks for another provider");
    assert!(asked as u128 <= 2 * looks, "{asked} times in {took:?}");

    let second = Counted::new();
    global::set_tracer_provider(second.clone());
    let since = Instant::now();
    for number in 1.. {
        let written = handle(number);
        assert_eq!(
            written[..36],
            traceparent(number)[..36],
            "the trace goes on"
        );
        if second.ended() > 0 {
            assert_ne!(written, traceparent(number), "the span goes out");
            break;
        }
        assert_eq!(written, traceparent(number));
        assert!(since.elapsed() < Duration::from_secs(30), "never seen");
        thread::yield_now();
    }
    assert!(since.elapsed() < Duration::from_secs(5), "a second at most");
    let before = second.ended();
    handle(1);
    assert_eq!(second.ended(), before + 2, "each message has its span");
    assert_eq!(first.ended(), MANY);
    assert_eq!(caught_panics(), 0);
}
