//! The conformance kit, and three scenarios: one trace, a failure, a message with bad properties.

use crate::adapter::{Channel, InjectingProducer};
use crate::channel::{Message, Properties, channel};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging::conformance::{self, Entry};
use otel_messaging::{Instrumentation, current_context};

struct Subject;

impl conformance::Subject for Subject {
    type Marker = Channel;
    type Headers = Properties;

    fn build(&self, entries: &[Entry<'_>]) -> Option<Properties> {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let entries = entries.iter().map(|entry| entry.as_text().map(owned));
        entries.collect::<Option<_>>().map(Properties)
    }

    fn list(&self, headers: &Properties) -> Vec<(Vec<u8>, Vec<u8>)> {
        let bytes = |(name, value): (String, String)| (name.into_bytes(), value.into_bytes());
        headers.0.iter().cloned().map(bytes).collect()
    }
}

#[test]
fn the_carrier_keeps_the_rules() {
    let report = conformance::check(&Subject).expect("it keeps them");
    // Every value is text.
    assert_eq!(report.untested(), [conformance::Rule::Unreadable]);
}

struct Spans {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
    by: Instrumentation,
}

fn spans() -> Spans {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let by = Instrumentation::builder()
        .with_tracer_provider(&provider)
        .build();
    Spans {
        exporter,
        provider,
        by,
    }
}

impl Spans {
    fn named(&self, name: &str) -> SpanData {
        let ended = self.exporter.get_finished_spans().expect("in memory");
        let found = ended.into_iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no span {name}"))
    }
}

fn order() -> Message {
    Message {
        channel: "orders".to_owned(),
        body: b"order 7".to_vec(),
        ..Message::default()
    }
}

#[tokio::test]
async fn a_message_joins_its_senders_trace() {
    let spans = spans();
    let (sender, mut receiver) = channel(1);
    let producer = InjectingProducer::new(sender).with_instrumentation(spans.by.clone());
    let tracer = spans.provider.tracer("shop");
    let trace_id = tracer.in_span("checkout", |context| {
        producer.send(order()).expect("there is room");
        context.span().span_context().trace_id()
    });
    let message = receiver.recv().await.expect("a message");
    let handle = async |_: &Message| current_context().span().span_context().trace_id();
    let handled = spans.by.with_message_context(&message, handle).await;
    assert_eq!(handled, trace_id);
    let (sent, processed) = (spans.named("send orders"), spans.named("process orders"));
    assert_eq!(sent.span_kind, SpanKind::Producer);
    assert_eq!(processed.span_kind, SpanKind::Consumer);
    assert_eq!(processed.parent_span_id, sent.span_context.span_id());
}

#[tokio::test]
async fn a_full_channel_marks_the_span() {
    let spans = spans();
    let (sender, _receiver) = channel(1);
    let producer = InjectingProducer::new(sender).with_instrumentation(spans.by.clone());
    producer.send(order()).expect("there is room");
    spans.exporter.reset();
    producer.send(order()).expect_err("it is full");
    let sent = spans.named("send orders");
    assert!(matches!(sent.status, Status::Error { .. }));
}

#[test]
fn bad_properties_do_no_harm() {
    let spans = spans();
    let mut message = order();
    message.properties = Properties(vec![
        ("traceparent".to_owned(), "00-".repeat(10_000)),
        ("BAGGAGE".to_owned(), ";;=\u{202e}".to_owned()),
    ]);
    drop(spans.by.process(&message));
    let processed = spans.named("process orders");
    assert_eq!(processed.links.len(), 0);
    assert_eq!(message.body, b"order 7");
}
