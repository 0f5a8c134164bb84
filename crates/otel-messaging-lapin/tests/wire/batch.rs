//! The contexts of a batch.

use crate::broker::{Broker, has};
use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging_lapin::{InjectingProducer, Instrumentation};

fn traceparent(span: &SpanData) -> Vec<u8> {
    let context = &span.span_context;
    let (trace_id, span_id) = (context.trace_id(), context.span_id());
    format!("00-{trace_id:032x}-{span_id:016x}-01").into_bytes()
}

#[tokio::test]
async fn each_message_carries_its_create_span_or_all_carry_the_send_span() {
    let broker = Broker::start(131_072);
    let (_connection, channel) = broker.connect("").await;
    for has_create_spans in [true, false] {
        let spans = InMemorySpanExporter::default();
        let tracers = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let instrumentation = Instrumentation::builder()
            .with_tracer_provider(&tracers)
            .with_create_spans(has_create_spans)
            .build();
        let producer = InjectingProducer::new(channel.clone());
        let producer = producer.with_instrumentation(instrumentation);
        let batch = producer.batch();
        let mut published = Vec::new();
        for _ in 0..3 {
            let (options, properties) = <(BasicPublishOptions, BasicProperties)>::default();
            let publish =
                batch.basic_publish("".into(), "orders".into(), options, b"order", properties);
            let confirm = publish.await.expect("to be published");
            confirm.await.expect("no answer to wait for");
            published.push(broker.published());
        }
        drop(batch);

        let mut spans = spans.get_finished_spans().expect("the spans");
        let sending = spans.pop().expect("the span of the sending");
        assert_eq!(sending.name, "publish orders");
        assert_eq!(spans.len(), if has_create_spans { 3 } else { 0 });
        assert_eq!(sending.links.len(), spans.len());
        for (place, message) in published.iter().enumerate() {
            let carried = traceparent(spans.get(place).unwrap_or(&sending));
            assert!(has(message, &carried), "{place}");
        }
    }
}
