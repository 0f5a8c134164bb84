//! Services that use the `tracing` crate, on real brokers: they set a subscriber and no tracer
//! provider of OpenTelemetry.

use integration_tests::client::{Client, in_time};
use integration_tests::kafka::Kafka;
use integration_tests::nats::{JetStream, Nats};
use integration_tests::rabbitmq::RabbitMq;
use integration_tests::scenarios::names;
use integration_tests::spans::{Spans, assert_child, assert_links};
use integration_tests::{apply, broker_test};
use otel_messaging::with_message_context;
use std::sync::OnceLock;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, info, info_span, instrument};
use tracing_subscriber::layer::SubscriberExt;

/// The subscriber of this program, and what it exports.
fn subscribed() -> &'static Spans {
    static SPANS: OnceLock<Spans> = OnceLock::new();
    SPANS.get_or_init(|| {
        let spans = Spans::new();
        let layer = tracing_opentelemetry::layer().with_tracer(spans.tracer.clone());
        let subscriber = tracing_subscriber::registry()
            .with(layer)
            .with(LevelFilter::INFO);
        tracing::subscriber::set_global_default(subscriber).expect("the only one");
        spans
    })
}

#[instrument(skip_all, fields(otel.name = format!("place order at {}", client.destination())))]
async fn place_order<C: Client>(client: &C) {
    let sent = in_time("send", client.send(None, &[])).await;
    sent.expect("the broker takes the message");
}

#[instrument(skip_all, fields(otel.name = format!("write invoice of {destination}")))]
async fn write_invoice(destination: &str) {
    tokio::task::yield_now().await;
    info!("written");
}

async fn one_trace<C: Client>() {
    let spans = subscribed();
    let mut client = C::connect().await;
    let (publish, process) = names(&client);
    let destination = client.destination();
    let poll_loop = async {
        place_order(&client).await;
        let message = client.receive().await;
        with_message_context(&message, |_| write_invoice(&destination)).await;
    };
    // A service that sends to itself, from the span of its loop.
    let around = format!("loop of {destination}");
    poll_loop
        .instrument(info_span!("loop", otel.name = around))
        .await;

    let placed = spans.named(&format!("place order at {destination}"));
    let around = spans.named(&around);
    assert_child(&placed, &around.span_context);
    let sent = spans.named(&publish);
    assert_child(&sent, &placed.span_context);
    let processed = spans.named(&process);
    assert_child(&processed, &sent.span_context);
    assert_links(&processed, &[&sent.span_context, &around.span_context]);
    let written = spans.named(&format!("write invoice of {destination}"));
    assert_child(&written, &processed.span_context);
    let events: Vec<_> = written.events.iter().map(|event| &*event.name).collect();
    assert_eq!(events, ["written"]);
}

#[apply(broker_test)]
async fn rabbitmq() {
    one_trace::<RabbitMq>().await;
}

#[apply(broker_test)]
async fn kafka() {
    one_trace::<Kafka>().await;
}

#[apply(broker_test)]
async fn nats() {
    one_trace::<Nats>().await;
}

#[apply(broker_test)]
async fn jetstream() {
    one_trace::<JetStream>().await;
}
