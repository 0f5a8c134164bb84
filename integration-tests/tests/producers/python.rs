//! Python: kafka-python and pika with OpenTelemetry's instrumentations, nats-py by hand.

use crate::case::Headers::{self, Differ, Each, Nothing};
use crate::case::{Case, check_all};
use crate::wire::Broker::{self, Kafka, Nats, RabbitMq};
use integration_tests::producers::Producer;
use integration_tests::{apply, broker_test};

/// Flags are 03 and 02: the SDK says that its traces are random.
const CASES: [Case; 14] = [
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
    case(
        Nats,
        "good",
        Each(&["traceparent: 00-TRACE#-SPAN#-03"]),
        &["flags-03"],
    ),
    case(Kafka, "not-instrumented", Nothing, &["not-injected"]),
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
        Each(&["traceparent: 00-TRACE#-SPAN#-02"]),
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
    // The request's span too, as the parent.
    case(
        Kafka,
        "jaeger",
        Differ([
            &["uber-trace-id: TRACE1:SPAN1:SPAN2:03"],
            &["uber-trace-id: TRACE2:SPAN3:SPAN4:03"],
            &["uber-trace-id: TRACE3:SPAN5:SPAN6:03"],
        ]),
        &["other-format"],
    ),
    case(
        RabbitMq,
        "byte-array",
        Each(&["traceparent: bytes 00-TRACE#-SPAN#-03"]),
        &["binary-value", "flags-03"],
    ),
    case(
        Kafka,
        "escaped",
        Each(&["traceparent: 00-OTHER#-SPAN#-03"]),
        &["flags-03"],
    ),
    // One for each try.
    case(
        Kafka,
        "appended-twice",
        Differ([
            &[
                "traceparent: 00-TRACE1-SPAN1-03",
                "traceparent: 00-TRACE1-SPAN2-03",
            ],
            &[
                "traceparent: 00-TRACE2-SPAN3-03",
                "traceparent: 00-TRACE2-SPAN4-03",
            ],
            &[
                "traceparent: 00-TRACE3-SPAN5-03",
                "traceparent: 00-TRACE3-SPAN6-03",
            ],
        ]),
        &["contradicting"],
    ),
    // Those of all messages before it, too.
    case(
        Kafka,
        "shared-headers",
        Differ([
            &["traceparent: 00-TRACE1-SPAN1-03"],
            &[
                "traceparent: 00-TRACE1-SPAN1-03",
                "traceparent: 00-TRACE2-SPAN2-03",
            ],
            &[
                "traceparent: 00-TRACE1-SPAN1-03",
                "traceparent: 00-TRACE2-SPAN2-03",
                "traceparent: 00-TRACE3-SPAN3-03",
            ],
        ]),
        &["contradicting", "flags-03"],
    ),
];

const fn case(
    broker: Broker,
    mistake: &'static str,
    headers: Headers,
    findings: &'static [&'static str],
) -> Case {
    Case {
        producer: Producer::Python,
        broker,
        mistake,
        headers,
        findings,
    }
}

#[apply(broker_test)]
async fn what_python_sends_is_as_its_mistakes_make_it() {
    check_all(&CASES).await;
}
