//! The contexts of a batch.

use crate::server::{Server, has};
use async_nats::message::OutboundMessage;
use futures_util::SinkExt;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging_async_nats::{InjectingProducer, Instrumentation};

fn traceparent(span: &SpanData) -> String {
    let context = &span.span_context;
    let (trace_id, span_id) = (context.trace_id(), context.span_id());
    format!("00-{trace_id:032x}-{span_id:016x}-01")
}

/// By a method and by the client's `Sink`.
#[tokio::test]
async fn each_message_carries_its_create_span_or_all_carry_the_send_span() {
    let mut server = Server::start([1024 * 1024]);
    let client = server.connect().await;
    for has_create_spans in [true, false] {
        let spans = InMemorySpanExporter::default();
        let tracers = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let instrumentation = Instrumentation::builder()
            .with_tracer_provider(&tracers)
            .with_create_spans(has_create_spans)
            .build();
        let producer = InjectingProducer::new(client.clone());
        let producer = producer.with_instrumentation(instrumentation);
        let mut batch = producer.batch();
        let published = batch.publish("orders", "order".into()).await;
        published.expect("to be taken");
        for _ in 0..2 {
            let message = OutboundMessage {
                subject: "orders".into(),
                reply: None,
                headers: None,
                payload: "order".into(),
            };
            batch.send(message).await.expect("to be taken");
        }
        drop(batch);

        let mut spans = spans.get_finished_spans().expect("the spans");
        let sending = spans.pop().expect("the span of the sending");
        assert_eq!(sending.name, "publish orders");
        assert_eq!(spans.len(), if has_create_spans { 3 } else { 0 });
        assert_eq!(sending.links.len(), spans.len());
        for place in 0..3 {
            let carried = traceparent(spans.get(place).unwrap_or(&sending));
            assert!(has(&server.published().await, &carried), "{place}");
        }
    }
}
