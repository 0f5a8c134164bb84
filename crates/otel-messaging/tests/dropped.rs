//! What cannot be written and what is not read. One test, because the counts belong to the whole
//! process.
#![cfg(feature = "internal-logs")]

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use otel_messaging::adapter::{Carrier, CarrierError, CarrierMut, FieldValue};
use otel_messaging::loss::{dropped_fields, refused_fields};
use otel_messaging::propagation::TraceContextPropagator;
use otel_messaging::{Instrumentation, extract, inject};
use std::collections::BTreeMap;
use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use tracing::subscriber::with_default;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as Within, Layer, SubscriberExt};
use tracing_subscriber::registry;

/// The protocol of a client that cannot represent anything.
struct Nothing;

enum Marker {}

impl Carrier<Marker> for Nothing {
    fn get_all<'a>(&'a self, _name: &str) -> impl Iterator<Item = &'a str> {
        std::iter::empty()
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }
}

impl CarrierMut<Marker> for Nothing {
    fn add(&mut self, _name: &str, _value: FieldValue<'_>) -> Result<(), CarrierError> {
        Err(CarrierError::InvalidName)
    }

    fn remove(&mut self, _names: &[&str]) {}
}

/// A propagator with a value that no environment can represent.
#[derive(Debug)]
struct WithNul;

static FIELDS: LazyLock<[String; 2]> = LazyLock::new(|| ["x-trace", "x-tenant"].map(str::to_owned));

impl TextMapPropagator for WithNul {
    fn inject_context(&self, _: &Context, injector: &mut dyn Injector) {
        injector.set("x-trace", "7".to_owned());
        injector.set("x-tenant", "acme\0corp".to_owned());
    }

    fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
        context.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}

/// The process starts without the one field.
fn start_a_process() {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.arg("--list").env("X_TENANT", "old");
    let instrumentation = Instrumentation::builder().with_propagator(WithNul).build();
    instrumentation.inject(&Context::new(), &mut command);
    let variables: Vec<_> = command.get_envs().collect();
    let expected = [("X_TENANT", None), ("X_TRACE", Some("7"))];
    assert_eq!(
        variables,
        expected.map(|(name, value)| (name.as_ref(), value.map(AsRef::as_ref)))
    );
    let output = command.output().expect("a process");
    assert!(output.status.success(), "{output:?}");
}

/// A log that is itself sent as messages, by the same client.
struct SendsItsEvents(Arc<AtomicU32>);

impl<S: Subscriber> Layer<S> for SendsItsEvents {
    fn on_event(&self, _: &Event<'_>, _: Within<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        publish();
    }
}

fn publish() {
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = BTreeMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let context = extract(&headers);
    assert!(context.span().span_context().is_valid());
    inject(&context, &mut Nothing);
}

/// Two fields of one message are refused.
fn receive_malformed() {
    let headers = [("traceparent", "00-secret-01"), ("baggage", "secret")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let context = extract(&BTreeMap::from(headers));
    assert!(!context.span().span_context().is_valid());
}

/// Each message counts once, whichever propagator reads it: two that contradict each other, and a
/// malformed one beside a good one.
fn receive_contradicting() {
    let one = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let sdk = opentelemetry_sdk::propagation::TraceContextPropagator::new();
    let by = [
        Instrumentation::default(),
        Instrumentation::builder()
            .with_propagator(TraceContextPropagator::new())
            .build(),
        Instrumentation::builder().with_propagator(sdk).build(),
    ];
    for other in [&one.replace('a', "b")[..], "00-malformed"] {
        let headers = [
            ("traceparent", one),
            ("Traceparent", other),
            ("Baggage", "a=1"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let headers = BTreeMap::from(headers);
        for by in &by {
            let context = by.extract(&headers);
            let expected = other == "00-malformed";
            assert_eq!(context.span().span_context().is_valid(), expected);
        }
    }
}

#[cfg(feature = "serde")]
fn read_what_is_too_large() {
    let stored = serde_json::json!({
        "baggage": "x".repeat(8193),
        "order": "x".repeat(16385),
        "tracestate": null,
        "number": "7",
    });
    let stored: otel_messaging::ContextCarrier =
        serde_json::from_value(stored).expect("no reason for an error");
    assert_eq!(stored.into_iter().count(), 1);
}

#[cfg(feature = "serde")]
fn read_what_is_no_text() {
    for stored in [r#"{"order": 7, "more": {"a": "b"}}"#, "[7]", "null"] {
        let stored: otel_messaging::ContextCarrier =
            serde_json::from_str(stored).expect("no reason for an error");
        assert!(stored.is_empty());
    }
}

#[test]
fn it_is_counted_each_time_and_said_once_a_minute() {
    let events = Arc::new(AtomicU32::new(0));
    with_default(registry().with(SendsItsEvents(events.clone())), || {
        publish();
        publish();
    });
    assert_eq!(events.load(Ordering::Relaxed), 1);
    // Twice from here, and once from the log.
    assert_eq!(dropped_fields(), 3);
    start_a_process();
    assert_eq!(dropped_fields(), 4);

    events.store(0, Ordering::Relaxed);
    with_default(registry().with(SendsItsEvents(events.clone())), || {
        receive_malformed();
        receive_malformed();
    });
    assert_eq!(events.load(Ordering::Relaxed), 1);
    assert_eq!(refused_fields(), 4);
    receive_contradicting();
    assert_eq!(refused_fields(), 10);
    #[cfg(feature = "serde")]
    {
        read_what_is_too_large();
        assert_eq!(refused_fields(), 12);
        read_what_is_no_text();
        assert_eq!(refused_fields(), 15);
    }
}
