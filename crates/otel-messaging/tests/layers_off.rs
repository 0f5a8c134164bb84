//! Layers of `tracing` that always panic are asked no more than sixteen times. Each kind has a process of
//! its own, because what panics in a row is off for the whole process.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::message;
use otel_messaging::loss::caught_panics;
use otel_messaging::process;
use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry};

const HOOK: &str = "OTEL_MESSAGING_TEST_HOOK";

static ASKED: AtomicU64 = AtomicU64::new(0);

/// Panics in one of its hooks, for spans of messages.
struct Hostile(&'static str);

impl Hostile {
    fn told(&self, hook: &str, of: &Metadata<'_>) {
        if self.0 == hook && of.is_span() {
            ASKED.fetch_add(1, Ordering::Relaxed);
            panic!("{hook}");
        }
    }
}

impl<S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>> Layer<S> for Hostile {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        // It is asked each time.
        tracing::subscriber::Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.told("enabled", metadata);
        true
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.told("on_new_span", attributes.metadata());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id) {
            self.told("on_close", span.metadata());
        }
    }
}

fn work(hook: &'static str) {
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::default();
    let tracer = opentelemetry::trace::TracerProvider::tracer(&provider, "application");
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    let subscriber = Registry::default().with(layer).with(Hostile(hook));
    let _default = tracing::subscriber::set_default(subscriber);
    for _ in 0..40 {
        drop(process(&message()));
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 16, "{hook}");
    assert_eq!(caught_panics(), 16, "{hook}");
}

#[test]
fn a_layer_that_always_panics_is_off_after_sixteen_times() {
    let hooks = ["enabled", "on_new_span", "on_close"];
    if let Ok(hook) = env::var(HOOK) {
        let hook = hooks.into_iter().find(|name| **name == hook);
        return work(hook.expect("one of the hooks"));
    }
    for hook in hooks {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command
            .args([
                "--exact",
                "a_layer_that_always_panics_is_off_after_sixteen_times",
            ])
            .env(HOOK, hook);
        let output = command.output().expect("a process");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{hook}: {said}");
        assert!(said.contains("1 passed"), "{hook}: {said}");
    }
}
