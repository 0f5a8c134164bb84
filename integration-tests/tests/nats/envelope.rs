//! Envelopes: the context in the payload, through a broker that sees no headers.

use integration_tests::client::{Client, in_time};
use integration_tests::nats::Nats;
use integration_tests::spans::{Spans, assert_child, assert_linked, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::{SpanId, TraceContextExt};
use otel_messaging::Envelope;
use otel_messaging::stored::EnvelopeOrBare;

/// Sends a payload and receives it, without any header.
async fn through_the_broker(client: &mut Nats, payload: String) -> Vec<u8> {
    let subject = client.destination();
    let sent = client.client.publish(subject, payload.into());
    in_time("send", sent)
        .await
        .expect("the client takes the message");
    let message = client.receive().await;
    assert_eq!(message.headers, None);
    message.payload.to_vec()
}

fn read(payload: &[u8]) -> Envelope<u32> {
    let EnvelopeOrBare(envelope) = serde_json::from_slice(payload).expect("an order");
    envelope.received_from("nats", "orders")
}

#[apply(broker_test)]
async fn an_envelope_joins_where_there_are_no_headers() {
    let spans = Spans::new();
    let mut client = Nats::connect().await;
    let order = spans.root("order");
    let envelope = {
        let _attached = order.clone().attach();
        Envelope::new(7)
    };
    let written = serde_json::to_string(&envelope).expect("JSON");
    let envelope = read(&through_the_broker(&mut client, written).await);
    let handled = spans
        .instrumentation
        .with_message_context(&envelope, async |envelope| {
            spans.work("inside");
            *envelope.payload()
        });
    assert_eq!(handled.await, 7);

    let processed = spans.named("process orders");
    assert_child(&processed, order.span().span_context());
    assert_linked(&processed, order.span().span_context());
    let system = attribute(&processed, "messaging.system.name");
    assert_eq!(system, Some("nats".into()));
    assert_child(&spans.named("inside"), &processed.span_context);

    // A sender that knows no envelopes.
    let bare = read(&through_the_broker(&mut client, "8".to_owned()).await);
    let processing = spans.instrumentation.process(&bare);
    assert_eq!(bare.open(), 8);
    drop(processing);
    let all = spans.all();
    let roots: Vec<_> = all
        .iter()
        .filter(|span| span.name == "process orders")
        .collect();
    assert_eq!(roots.len(), 2);
    assert_eq!(roots[1].parent_span_id, SpanId::INVALID);
}
