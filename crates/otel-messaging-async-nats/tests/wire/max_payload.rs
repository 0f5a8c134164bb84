//! The room for a context follows the server to which the client is connected.

use crate::server::{Server, has, reconnect};
use async_nats::{Client, jetstream};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use otel_messaging_async_nats::InjectingProducer;

/// A span, and about 1,000 bytes of baggage.
fn context() -> Context {
    let span = SpanContext::new(
        TraceId::from_bytes([7; 16]),
        SpanId::from_bytes([7; 8]),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    let context = Context::new().with_remote_span_context(span);
    context.with_baggage([KeyValue::new("order", "x".repeat(1000))])
}

/// Publishes on connections to servers with different sizes of the largest message.
async fn assert_room_follows<F: Future<Output = ()>>(
    mut server: Server,
    client: &Client,
    publish: impl Fn() -> F,
) {
    for (max_payload, has_traceparent, has_baggage) in [
        (512, true, false),
        (4096, true, true),
        (512, true, false),
        (40, false, false),
    ] {
        if client.max_payload() != max_payload {
            reconnect(client, max_payload).await;
        }
        let publish = {
            let _attached = context().attach();
            publish()
        };
        publish.await;
        let message = server.published().await;
        assert_eq!(has(&message, "traceparent"), has_traceparent);
        assert_eq!(has(&message, "baggage"), has_baggage, "{max_payload}");
    }
}

#[tokio::test]
async fn a_client_leaves_out_what_its_server_does_not_take() {
    let _counted = crate::COUNTS.lock().await;
    let server = Server::start([512, 4096, 512, 40]);
    let client = server.connect().await;
    let producer = InjectingProducer::new(client.clone());
    let publish = || {
        let publish = producer.publish("orders", "order 7".into());
        async { publish.await.expect("to be published") }
    };
    assert_room_follows(server, &client, publish).await;
}

#[tokio::test]
async fn a_jetstream_context_leaves_out_what_its_server_does_not_take() {
    let _counted = crate::COUNTS.lock().await;
    let server = Server::start([512, 4096, 512, 40]);
    let client = server.connect().await;
    let producer = InjectingProducer::new(jetstream::new(client.clone()));
    let publish = || {
        let publish = producer.publish("orders", "order 7".into());
        // There is no stream to wait for.
        async { drop(publish.await.expect("to be published")) }
    };
    assert_room_follows(server, &client, publish).await;
}
