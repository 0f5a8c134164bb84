//! A handler that is given its parent when its span has begun, as people write it with `tracing`.

use super::service::{Service, hop, receive};
use super::{BILLING, SHOP, assert_names_traces, assert_valid, look};
use integration_tests::client::Client;
use integration_tests::kafka::{Kafka, text_headers};
use integration_tests::{apply, broker_test};
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use rdkafka::Message;
use rdkafka::message::OwnedMessage;
use std::collections::HashMap;
use tracing::instrument::WithSubscriber;
use tracing::{Span, instrument};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

/// The sender's context, as a consumer reads it that has no instrumentation.
fn sender(message: &OwnedMessage) -> Context {
    let headers: HashMap<_, _> = text_headers(message).into_iter().collect();
    TraceContextPropagator::new().extract(&headers)
}

/// The span has begun when its body runs: it keeps its own trace, and the error that says so is lost.
fn set_parent_too_late(message: &OwnedMessage) {
    let _ = Span::current().set_parent(sender(message));
}

#[instrument(
    skip_all,
    fields(
        otel.kind = "consumer",
        messaging.destination.name = message.topic(),
        messaging.destination.partition.id = %message.partition(),
        messaging.kafka.offset = message.offset(),
    )
)]
async fn handle_by_offset(message: &OwnedMessage) {
    set_parent_too_late(message);
}

#[instrument(
    skip_all,
    fields(otel.kind = "consumer", messaging.destination.name = message.topic())
)]
async fn handle_by_topic(message: &OwnedMessage) {
    set_parent_too_late(message);
}

#[instrument(skip_all)]
async fn handle_in_silence(message: &OwnedMessage) {
    set_parent_too_late(message);
}

/// Runs a handler whose spans are made by `tracing`.
async fn traced(service: &Service, handler: impl Future<Output = ()>) {
    let layer = tracing_opentelemetry::layer().with_tracer(service.tracer.clone());
    let subscriber = tracing_subscriber::registry().with(layer);
    handler.with_subscriber(subscriber).await;
}

#[apply(broker_test)]
async fn a_parent_that_is_set_too_late_is_proved_by_the_offset() {
    let mut kafka = Kafka::connect().await;
    let (shop, billing) = (Service::named("shop"), Service::named("billing"));
    shop.send(&kafka, 3).await;
    for message in &receive(&mut kafka, 3).await[..2] {
        traced(&billing, handle_by_offset(message)).await;
    }
    let report = look(&kafka, &[&shop, &billing]).await;
    assert_valid(&report, 3);
    let topic = &kafka.topic().name;
    assert_eq!(
        report.hops(),
        [
            hop([SHOP, BILLING], topic, "own_trace", 2),
            hop([SHOP, None], topic, "no_consumer", 1),
        ]
    );
    assert_eq!(
        report.found(),
        [("consumer-own-trace", 2, 3), ("no-consumer-span", 1, 3)]
    );
    let what = report.what("consumer-own-trace");
    assert!(what.starts_with("The span of billing for 2 of 3"), "{what}");
    assert_names_traces(what, &shop, &billing);
}

#[apply(broker_test)]
async fn a_parent_that_is_set_too_late_is_inferred_from_the_topic() {
    let mut kafka = Kafka::connect().await;
    let (shop, billing) = (Service::named("shop"), Service::named("billing"));
    shop.send(&kafka, 3).await;
    for message in &receive(&mut kafka, 3).await {
        traced(&billing, handle_by_topic(message)).await;
    }
    let report = look(&kafka, &[&shop, &billing]).await;
    assert_valid(&report, 3);
    let topic = &kafka.topic().name;
    assert_eq!(report.hops(), [hop([SHOP, BILLING], topic, "own_trace", 3)]);
    assert_eq!(report.found(), [("consumer-own-trace", 3, 3)]);
    let what = report.what("consumer-own-trace");
    let inferred = "But billing has 3 spans for this destination at the root of a trace";
    assert!(what.contains(inferred), "{what}");
    assert_names_traces(what, &shop, &billing);
}

/// Nothing joins such a span with a message.
#[apply(broker_test)]
async fn a_span_that_tells_nothing_of_messages_is_no_consumer() {
    let mut kafka = Kafka::connect().await;
    let (shop, billing) = (Service::named("shop"), Service::named("billing"));
    shop.send(&kafka, 3).await;
    for message in &receive(&mut kafka, 3).await {
        traced(&billing, handle_in_silence(message)).await;
    }
    let report = look(&kafka, &[&shop, &billing]).await;
    assert_valid(&report, 3);
    let topic = &kafka.topic().name;
    assert_eq!(report.hops(), [hop([SHOP, None], topic, "no_consumer", 3)]);
    assert_eq!(report.found(), [("no-consumer-span", 3, 3)]);
    let causes = &report.json["findings"][0]["causes"];
    let cause = "traces of their own and tell neither their kind nor the destination";
    assert!(causes.to_string().contains(cause), "{causes}");
}
