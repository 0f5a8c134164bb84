//! The usual causes, system by system.

use crate::message::System;

/// Why no message of a producer has a context.
pub(crate) fn of_missing(system: System) -> Vec<&'static str> {
    let mut causes = vec![
        "The producer is not instrumented: its client has no instrumentation, the agent is not attached, or \
         the program calls the bare client beside the wrapped one.",
        "The program sets no propagator. In Go the global propagator has no effect until \
         otel.SetTextMapPropagator is called, and OTEL_PROPAGATORS=none turns it off elsewhere.",
        "The instrumentation is installed too late. In Node the client was loaded before the SDK started; in \
         Python the producer was made before instrument() was called.",
    ];
    causes.push(match system {
        System::Kafka => {
            "Something on the way drops headers: Kafka Connect without a header converter, a REST proxy, a \
             stream processor that builds new records, or a topic whose message format is older than 0.11."
        }
        System::RabbitMq => {
            "Something on the way drops headers: a publisher of MQTT 3.1.1 or STOMP has none, and a program \
             that takes messages from one queue and publishes them to another has to copy them."
        }
        System::Nats => {
            "The call has no instrumentation. The Java agent does not instrument JetStream's own publish, and \
             `respond` of a service sends no headers."
        }
    });
    causes.push(
        "A policy of the producer keeps its context back from this destination: `OutgoingPolicy::Suppress` in \
         otel-messaging.",
    );
    causes
}

/// Why some messages of a producer have a context and others have not.
pub(crate) const OF_SOME_MISSING: &[&str] = &[
    "Several programs send under this name, and not all of them are instrumented: an old version during a \
     deployment, a job, a script.",
    "One call of the program goes past the instrumentation: a batch call, a retry, a transaction, a dead letter \
     that is built by hand.",
    "Work escaped its handler: it was given to a task or a thread without the context, so nothing was current \
     when it published, and the program has no tracer that would start a trace.",
];

/// Why a traceparent is malformed.
pub(crate) const OF_MALFORMED: &[&str] = &[
    "The header is written by hand: with format strings, upper-case digits, ids of another length, or the ids \
     of another format.",
    "Something on the way changes values: a converter that writes them as JSON or as a byte dump, or a limit \
     that cuts them.",
];

/// Why messages carry another format only.
pub(crate) const OF_OTHER_FORMAT: &[&str] = &[
    "The producer uses another propagator than its consumers: OTEL_PROPAGATORS is set to it, or an agent of a \
     vendor writes its own format.",
    "The producer has an older tracer, of Zipkin, Jaeger, OpenTracing or Spring Cloud Sleuth.",
];

/// Why a message has several contexts that contradict each other.
pub(crate) fn of_contradicting(system: System) -> Vec<&'static str> {
    let mut causes = vec![
        "A relay or a retry adds a context behind the one that the message came with, in place of replacing it.",
        "Two instrumentations write to the same message: an agent and a carrier by hand, or a proxy of a mesh.",
    ];
    if system == System::Nats {
        causes.push(
            "A Go service in the middle uses the HTTP carrier. It reads and writes `Traceparent` alone, and leaves \
             a `traceparent` in lower case as it was.",
        );
    }
    causes
}

/// Why a name is spelled in another way.
pub(crate) fn of_spelling(system: System) -> Vec<&'static str> {
    let mut causes = Vec::new();
    if system == System::Nats {
        causes.push(
            "The producer is a Go program with propagation.HeaderCarrier(msg.Header), which writes `Traceparent`.",
        );
    }
    causes.push("A carrier for HTTP headers is used for messages. It writes names in title case.");
    causes.push("The header is written by hand.");
    causes
}

/// Why all messages carry one context.
pub(crate) const OF_SAME_CONTEXT: &[&str] = &[
    "The messages were sent while one span was current: a batch, or a loop inside a span. Then this is right.",
    "The context was captured once, outside the loop that sends, and is used for each message.",
    "Headers are built once and used for each message, or copied from an older message with its traceparent.",
];
