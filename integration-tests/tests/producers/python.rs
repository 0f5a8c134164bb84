//! Python: kafka-python and pika with OpenTelemetry's instrumentations, nats-py by hand.

use crate::case::Headers::{self, Differ, Each, Nothing};
use crate::case::{Case, check_all};
use crate::wire::Broker::{self, Kafka, Nats, RabbitMq};
use integration_tests::producers::Producer;
use integration_tests::{apply, broker_test};

/// Flags are 03 and 02: the SDK says that its traces are random.
const CASES: [Case; 14] = [
    case(Kafka, "good", Each(&["traceparent: 00-TRACE#-SPAN#-03"])),
    case(RabbitMq, "good", Each(&["traceparent: 00-TRACE#-SPAN#-03"])),
    case(Nats, "good", Each(&["traceparent: 00-TRACE#-SPAN#-03"])),
    case(Kafka, "not-instrumented", Nothing),
    case(RabbitMq, "instrumented-too-late", Nothing),
    case(Kafka, "no-propagator", Nothing),
    case(
        Kafka,
        "unsampled",
        Each(&["traceparent: 00-TRACE#-SPAN#-02"]),
    ),
    case(Kafka, "b3", Each(&["b3: TRACE#-SPAN#-1"])),
    case(
        Kafka,
        "b3multi",
        Each(&[
            "x-b3-sampled: 1",
            "x-b3-spanid: SPAN#",
            "x-b3-traceid: TRACE#",
        ]),
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
    ),
    case(
        RabbitMq,
        "byte-array",
        Each(&["traceparent: bytes 00-TRACE#-SPAN#-03"]),
    ),
    case(Kafka, "escaped", Each(&["traceparent: 00-OTHER#-SPAN#-03"])),
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
    ),
];

const fn case(broker: Broker, mistake: &'static str, headers: Headers) -> Case {
    Case {
        producer: Producer::Python,
        broker,
        mistake,
        headers,
    }
}

#[apply(broker_test)]
async fn what_python_sends_is_as_its_mistakes_make_it() {
    check_all(&CASES).await;
}
