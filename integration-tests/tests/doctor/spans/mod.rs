//! Messages and the exported spans of the services that sent and handled them: each hop, exactly.

mod brokers;
mod service;
mod too_late;

use crate::report::Report;
use integration_tests::client::{Client, address};
use integration_tests::kafka::Kafka;
use integration_tests::{apply, broker_test};
use otel_messaging::future_in_context;
use otel_messaging::instrumentation::Relation;
use otel_messaging::trust::{IncomingPolicy, Messages};
use service::{Service, hop, look_with_spans, receive};
use std::sync::Arc;
use tokio::task::JoinSet;

const SHOP: Option<&str> = Some("shop");
const BILLING: Option<&str> = Some("billing");
const AUDIT: Option<&str> = Some("audit");

async fn look(kafka: &Kafka, services: &[&Service]) -> Report {
    let (brokers, topic) = (address("KAFKA_BROKERS"), &kafka.topic().name);
    let arguments = ["kafka", "--brokers", &brokers, "--topic", topic];
    look_with_spans(&arguments, services).await
}

/// Every message has a valid context, whatever its consumers make of it.
fn assert_valid(report: &Report, messages: u64) {
    let all = serde_json::json!({ "of": messages, "valid": messages });
    assert_eq!(report.json["healthy"], all);
    assert_eq!(report.json["hops"]["messages"], messages);
}

/// Asserts that a finding names the consumer, the trace of a message and the one that its handling is in.
fn assert_names_traces(what: &str, shop: &Service, consumer: &Service) {
    let has_one = |of: &Service| of.traces().iter().any(|trace| what.contains(trace));
    assert!(has_one(shop), "{what}");
    assert!(has_one(consumer), "{what}");
}

#[apply(broker_test)]
async fn messages_that_are_handled_in_their_traces_are_joined() {
    let mut kafka = Kafka::connect().await;
    let (onward, mut tasks) = (Arc::new(Kafka::connect().await), JoinSet::new());
    let (shop, billing) = (Service::named("shop"), Service::named("billing"));
    shop.send(&kafka, 3).await;
    for message in receive(&mut kafka, 3).await {
        let instrumentation = &billing.instrumentation;
        let handled = instrumentation.with_message_context(&message, |_| async {
            let (onward, by) = (onward.clone(), instrumentation.clone());
            let sent = async move { onward.send(Some(&by), &[]).await };
            tasks.spawn(future_in_context(sent));
        });
        handled.await;
    }
    for sent in tasks.join_all().await {
        sent.expect("sent");
    }
    let report = look(&kafka, &[&shop, &billing]).await;
    assert_valid(&report, 3);
    let topic = &kafka.topic().name;
    assert_eq!(report.hops(), [hop([SHOP, BILLING], topic, "joined", 3)]);
    assert_eq!(report.found(), []);
    // The requests, what was sent, what was handled, and what was sent then.
    assert_eq!(report.json["hops"]["spans"], 12);
}

#[apply(broker_test)]
async fn of_two_consumers_the_one_that_only_links_is_named() {
    let mut kafka = Kafka::connect().await;
    let (shop, billing) = (Service::named("shop"), Service::named("billing"));
    let audit = Service::with("audit", |builder| builder.with_relation(Relation::Link));
    shop.send(&kafka, 3).await;
    let messages = receive(&mut kafka, 3).await;
    billing.handle::<Kafka>(&messages).await;
    audit.handle::<Kafka>(&messages[..2]).await;
    let report = look(&kafka, &[&audit, &shop, &billing]).await;
    assert_valid(&report, 3);
    let topic = &kafka.topic().name;
    assert_eq!(
        report.hops(),
        [
            hop([SHOP, AUDIT], topic, "only_linked", 2),
            hop([SHOP, BILLING], topic, "joined", 3),
        ]
    );
    assert_eq!(report.found(), [("consumer-only-linked", 2, 3)]);
    let what = report.what("consumer-only-linked");
    assert!(what.starts_with("The span of audit for 2 of 3"), "{what}");
    assert_names_traces(what, &shop, &audit);
}

#[apply(broker_test)]
async fn a_policy_that_restarts_traces_shows() {
    let restart = |builder: otel_messaging::instrumentation::Builder| {
        builder.with_incoming(Messages::all(), IncomingPolicy::RestartWithoutLink)
    };
    let mut kafka = Kafka::connect().await;
    let (shop, billing) = (Service::named("shop"), Service::with("billing", restart));
    let audit = Service::with("audit", |builder| {
        builder.with_incoming(Messages::all(), IncomingPolicy::RestartWithLink)
    });
    shop.send(&kafka, 4).await;
    let messages = receive(&mut kafka, 4).await;
    billing.handle::<Kafka>(&messages).await;
    audit.handle::<Kafka>(&messages).await;
    let report = look(&kafka, &[&shop, &billing, &audit]).await;
    assert_valid(&report, 4);
    let topic = &kafka.topic().name;
    assert_eq!(
        report.hops(),
        [
            hop([SHOP, AUDIT], topic, "only_linked", 4),
            hop([SHOP, BILLING], topic, "own_trace", 4),
        ]
    );
    assert_eq!(
        report.found(),
        [("consumer-only-linked", 4, 4), ("consumer-own-trace", 4, 4)]
    );
    // The span tells the offset, so this is not inferred.
    let what = report.what("consumer-own-trace");
    assert!(what.starts_with("The span of billing for 4 of 4"), "{what}");
    assert_names_traces(what, &shop, &billing);
}

#[apply(broker_test)]
async fn what_a_handler_sends_from_a_task_without_its_context_has_escaped() {
    let mut kafka = Kafka::connect().await;
    let (onward, mut tasks) = (Arc::new(Kafka::connect().await), JoinSet::new());
    let (shop, billing) = (Service::named("shop"), Service::named("billing"));
    shop.send(&kafka, 3).await;
    for message in receive(&mut kafka, 3).await {
        let instrumentation = &billing.instrumentation;
        let handled = instrumentation.with_message_context(&message, |_| async {
            let (onward, by) = (onward.clone(), instrumentation.clone());
            tasks.spawn(async move { onward.send(Some(&by), &[]).await });
        });
        handled.await;
    }
    for sent in tasks.join_all().await {
        sent.expect("sent");
    }
    let report = look(&kafka, &[&shop, &billing]).await;
    assert_valid(&report, 3);
    let topic = &kafka.topic().name;
    assert_eq!(report.hops(), [hop([SHOP, BILLING], topic, "joined", 3)]);
    assert_eq!(report.found(), [("work-escaped", 3, 3)]);
    let what = report.what("work-escaped");
    let expected = "billing joins the traces of 3 of 3 messages, such as trace ";
    assert!(what.starts_with(expected), "{what}");
    assert!(
        what.contains("also has 3 spans with which it sends"),
        "{what}"
    );

    // What it sent has a context, of which the first trace knows nothing.
    let report = look(&onward, &[&shop, &billing]).await;
    let topic = &onward.topic().name;
    assert_eq!(
        report.hops(),
        [hop([BILLING, None], topic, "no_consumer", 3)]
    );
    assert_eq!(report.found(), [("no-consumer-span", 3, 3)]);
}

#[apply(broker_test)]
async fn a_producer_whose_spans_are_not_exported_is_missed() {
    let mut kafka = Kafka::connect().await;
    let (shop, billing) = (Service::named("shop"), Service::named("billing"));
    shop.send(&kafka, 3).await;
    let messages = receive(&mut kafka, 3).await;
    billing.handle::<Kafka>(&messages).await;
    let report = look(&kafka, &[&billing]).await;
    assert_valid(&report, 3);
    let topic = &kafka.topic().name;
    let missed = "producer_not_exported";
    assert_eq!(report.hops(), [hop([None, BILLING], topic, missed, 3)]);
    assert_eq!(report.found(), [("producer-span-not-exported", 3, 3)]);
    let causes = &report.json["findings"][0]["causes"];
    assert!(!causes.to_string().contains("another time"), "{causes}");

    let stranger = Service::named("stranger");
    drop(stranger.request());
    let report = look(&kafka, &[&stranger]).await;
    assert_eq!(report.hops(), [hop([None, None], topic, missed, 3)]);
    assert_eq!(report.found(), [("producer-span-not-exported", 3, 3)]);
    let cause = &report.json["findings"][0]["causes"][0];
    assert!(cause.to_string().contains("another time"), "{cause}");
}

#[apply(broker_test)]
async fn traces_that_are_not_sampled_have_no_spans() {
    let mut kafka = Kafka::connect().await;
    let (shop, billing) = (Service::unsampled("shop"), Service::named("billing"));
    shop.send(&kafka, 3).await;
    let messages = receive(&mut kafka, 3).await;
    billing.handle::<Kafka>(&messages).await;
    let report = look(&kafka, &[&shop, &billing]).await;
    assert_valid(&report, 3);
    let topic = &kafka.topic().name;
    assert_eq!(report.hops(), [hop([None, None], topic, "unsampled", 3)]);
    assert_eq!(
        report.found(),
        [("parent-unsampled", 3, 3), ("unsampled", 3, 3)]
    );
    assert_eq!(report.json["hops"]["spans"], 0);
}

#[apply(broker_test)]
async fn messages_that_wait_have_no_consumer() {
    let kafka = Kafka::connect().await;
    let (shop, billing) = (Service::named("shop"), Service::named("billing"));
    shop.send(&kafka, 3).await;
    let report = look(&kafka, &[&shop, &billing]).await;
    assert_valid(&report, 3);
    let topic = &kafka.topic().name;
    assert_eq!(report.hops(), [hop([SHOP, None], topic, "no_consumer", 3)]);
    assert_eq!(report.found(), [("no-consumer-span", 3, 3)]);
}
