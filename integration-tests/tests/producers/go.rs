//! Go: franz-go with kotel; amqp091-go and nats.go with carriers as people write them.

use crate::case::Headers::{self, Each, Nothing};
use crate::case::{Case, check_all};
use crate::wire::Broker::{self, Kafka, Nats, RabbitMq};
use integration_tests::producers::Producer;
use integration_tests::{apply, broker_test};

const CASES: [Case; 10] = [
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
    case(Kafka, "no-propagator", Nothing, &["not-injected"]),
    case(RabbitMq, "no-propagator", Nothing, &["not-injected"]),
    case(Nats, "no-propagator", Nothing, &["not-injected"]),
    case(
        Kafka,
        "unsampled",
        Each(&["traceparent: 00-TRACE#-SPAN#-00"]),
        &["unsampled"],
    ),
    case(
        Kafka,
        "escaped",
        Each(&["traceparent: 00-OTHER#-SPAN#-01"]),
        &[],
    ),
    case(
        RabbitMq,
        "byte-array",
        Each(&["traceparent: bytes 00-TRACE#-SPAN#-01"]),
        &["binary-value"],
    ),
    case(
        Nats,
        "title-case",
        Each(&["Traceparent: 00-TRACE#-SPAN#-01"]),
        &["odd-spelling"],
    ),
];

const fn case(
    broker: Broker,
    mistake: &'static str,
    headers: Headers,
    findings: &'static [&'static str],
) -> Case {
    Case {
        producer: Producer::Go,
        broker,
        mistake,
        headers,
        findings,
    }
}

#[apply(broker_test)]
async fn what_go_sends_is_as_its_mistakes_make_it() {
    check_all(&CASES).await;
}
