//! A program whose `tracing` layer is of another version of OpenTelemetry than this one: the two
//! do not see each other's spans. One test, because the log says it once in a process.

use integration_tests::spans::{Spans, assert_linked};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use otel_messaging_rdkafka::instrumentation::Finding;
use otel_messaging_rdkafka::{self_check, with_message_context};
use other_opentelemetry::trace::TracerProvider;
use other_opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use rdkafka::Timestamp;
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};
use std::fmt;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{self, SubscriberExt};

/// Keeps the lines of this project's own log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        if event.metadata().target() == "otel_messaging" {
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.lock().expect("no panic").push(line.0);
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!("{value:?} ");
    }
}

#[tokio::test]
async fn a_second_version_is_said_once_with_its_remedy() {
    let (spans, log) = (Spans::global(), Log::default());
    let exporter = InMemorySpanExporter::default();
    let other = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = other_tracing_opentelemetry::layer().with_tracer(other.tracer("application"));
    let subscriber = tracing_subscriber::registry().with(layer).with(log.clone());
    let _subscribed = tracing::subscriber::set_default(subscriber);

    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = OwnedHeaders::new().insert(Header {
        key: "traceparent",
        value: Some(traceparent),
    });
    let message = OwnedMessage::new(
        None,
        None,
        "orders".to_owned(),
        Timestamp::NotAvailable,
        0,
        7,
        Some(headers),
    );
    for _ in 0..3 {
        let context = with_message_context(&message, |_| async { Context::current() }).await;
        let trace_id = context.span().span_context().trace_id();
        assert_eq!(format!("{trace_id:032x}"), &traceparent[3..35]);
    }

    let lines = log.0.lock().expect("no panic").clone();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    for remedy in ["tracing-opentelemetry 0.34", "cargo tree --duplicates"] {
        assert!(lines[0].contains(remedy), "{lines:#?}");
    }
    // Messages keep their spans, by the provider of this version.
    let processed = spans.all();
    assert_eq!(processed.len(), 3);
    for span in &processed {
        assert_eq!(span.name, "process orders");
        assert_linked(span, span_of(traceparent).span().span_context());
    }
    // One was opened before it was known that it would be in vain.
    let in_vain = exporter.get_finished_spans().expect("in memory");
    assert_eq!(in_vain.len(), 1, "{in_vain:#?}");
    let findings = self_check();
    assert!(findings.contains(&Finding::LayerNotFound), "{findings:?}");
}

fn span_of(traceparent: &str) -> Context {
    let headers = [("traceparent".to_owned(), traceparent.to_owned())];
    otel_messaging::extract(&std::collections::BTreeMap::from(headers))
}
