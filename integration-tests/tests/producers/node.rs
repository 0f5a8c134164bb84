//! Node: kafkajs and amqplib with OpenTelemetry's instrumentations, nats.js by hand.

use crate::case::Headers::{self, Each, Nothing};
use crate::case::{Case, check_all};
use crate::wire::Broker::{self, Kafka, Nats, RabbitMq};
use integration_tests::producers::Producer;
use integration_tests::{apply, broker_test};

const CASES: [Case; 12] = [
    case(
        Kafka,
        "good",
        Each(&["traceparent: 00-TRACE#-SPAN#-01"]),
        &[],
    ),
    case(
        RabbitMq,
        "good",
        Each(&["traceparent: 00-TRACE#-SPAN#-01"]),
        &[],
    ),
    case(
        Nats,
        "good",
        Each(&["traceparent: 00-TRACE#-SPAN#-01"]),
        &[],
    ),
    case(Kafka, "not-instrumented", Nothing, &["not-injected"]),
    case(Kafka, "instrumented-too-late", Nothing, &["not-injected"]),
    case(
        RabbitMq,
        "instrumented-too-late",
        Nothing,
        &["not-injected"],
    ),
    case(Kafka, "no-propagator", Nothing, &["not-injected"]),
    case(
        Kafka,
        "unsampled",
        Each(&["traceparent: 00-TRACE#-SPAN#-00"]),
        &["unsampled"],
    ),
    case(
        Kafka,
        "b3",
        Each(&["b3: TRACE#-SPAN#-1"]),
        &["other-format"],
    ),
    case(
        Kafka,
        "b3multi",
        Each(&[
            "x-b3-sampled: 1",
            "x-b3-spanid: SPAN#",
            "x-b3-traceid: TRACE#",
        ]),
        &["other-format"],
    ),
    case(
        Kafka,
        "xray",
        Each(&["x-amzn-trace-id: Root=1-TRACE#;Parent=SPAN#;Sampled=1"]),
        &["other-format"],
    ),
    // Of the span in which the service started.
    case(
        Nats,
        "frozen-context",
        Each(&["traceparent: 00-OTHER1-SPAN1-01"]),
        &["frozen-context"],
    ),
];

const fn case(
    broker: Broker,
    mistake: &'static str,
    headers: Headers,
    findings: &'static [&'static str],
) -> Case {
    Case {
        producer: Producer::Node,
        broker,
        mistake,
        headers,
        findings,
    }
}

#[apply(broker_test)]
async fn what_node_sends_is_as_its_mistakes_make_it() {
    check_all(&CASES).await;
}
