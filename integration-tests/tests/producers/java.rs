//! Java: Kafka's client and RabbitMQ's, with OpenTelemetry's agent.

use crate::case::Headers::{self, Each, Nothing};
use crate::case::{Case, check_all};
use crate::wire::Broker::{self, Kafka, RabbitMq};
use integration_tests::producers::Producer;
use integration_tests::{apply, broker_test};

/// Flags are 03 and 02: the agent says that its traces are random.
const CASES: [Case; 7] = [
    case(Kafka, "good", Each(&["traceparent: 00-TRACE#-SPAN#-03"])),
    case(RabbitMq, "good", Each(&["traceparent: 00-TRACE#-SPAN#-03"])),
    case(Kafka, "not-instrumented", Nothing),
    case(Kafka, "no-propagator", Nothing),
    case(
        Kafka,
        "unsampled",
        Each(&["traceparent: 00-TRACE#-SPAN#-02"]),
    ),
    case(
        Kafka,
        "b3multi",
        Each(&[
            "X-B3-Sampled: 1",
            "X-B3-SpanId: SPAN#",
            "X-B3-TraceId: TRACE#",
        ]),
    ),
    case(
        Kafka,
        "xray",
        Each(&["X-Amzn-Trace-Id: Root=1-TRACE#;Parent=SPAN#;Sampled=1"]),
    ),
];

const fn case(broker: Broker, mistake: &'static str, headers: Headers) -> Case {
    Case {
        producer: Producer::Java,
        broker,
        mistake,
        headers,
    }
}

#[apply(broker_test)]
async fn what_java_sends_is_as_its_mistakes_make_it() {
    check_all(&CASES).await;
}
