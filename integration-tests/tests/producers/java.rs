//! Java: Kafka's client and RabbitMQ's, with OpenTelemetry's agent.

use crate::case::Headers::{self, Each, Nothing};
use crate::case::{Case, check_all};
use crate::wire::Broker::{self, Kafka, RabbitMq};
use integration_tests::producers::Producer;
use integration_tests::{apply, broker_test};

/// Flags are 03 and 02: the agent says that its traces are random.
const CASES: [Case; 7] = [
    case(
        Kafka,
        "good",
        Each(&["traceparent: 00-TRACE#-SPAN#-03"]),
        &["flags-03"],
    ),
    case(
        RabbitMq,
        "good",
        Each(&["traceparent: 00-TRACE#-SPAN#-03"]),
        &["flags-03"],
    ),
    case(Kafka, "not-instrumented", Nothing, &["not-injected"]),
    case(Kafka, "no-propagator", Nothing, &["not-injected"]),
    case(
        Kafka,
        "unsampled",
        Each(&["traceparent: 00-TRACE#-SPAN#-02"]),
        &["unsampled"],
    ),
    case(
        Kafka,
        "b3multi",
        Each(&[
            "X-B3-Sampled: 1",
            "X-B3-SpanId: SPAN#",
            "X-B3-TraceId: TRACE#",
        ]),
        &["other-format"],
    ),
    case(
        Kafka,
        "xray",
        Each(&["X-Amzn-Trace-Id: Root=1-TRACE#;Parent=SPAN#;Sampled=1"]),
        &["other-format"],
    ),
];

const fn case(
    broker: Broker,
    mistake: &'static str,
    headers: Headers,
    findings: &'static [&'static str],
) -> Case {
    Case {
        producer: Producer::Java,
        broker,
        mistake,
        headers,
        findings,
    }
}

#[apply(broker_test)]
async fn what_java_sends_is_as_its_mistakes_make_it() {
    check_all(&CASES).await;
}
