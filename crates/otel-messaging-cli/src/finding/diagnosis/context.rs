//! Messages whose context does not reach a consumer, or not the right one.

use crate::examine::tally::Tally;
use crate::finding::causes;
use crate::finding::diagnosis::{Diagnosis, broken_rules};
use crate::message::System;
use crate::report::{Health, Severity};

pub(super) fn missing(system: System, tally: &Tally) -> Diagnosis {
    if tally.health(Health::Missing) == tally.messages {
        return Diagnosis {
            code: "not-injected",
            severity: Severity::Error,
            what: "No message of this producer has a context. Each consumer starts a new trace."
                .to_owned(),
            causes: causes::of_missing(system),
            fix: "Instrument the producer, and inject the current context into each message. In Rust, wrap the \
                  client in `InjectingProducer`. Then look at the first destination on the way: if the context is \
                  there, it is lost behind it.",
        };
    }
    Diagnosis {
        code: "sometimes-not-injected",
        severity: Severity::Error,
        what: "Some messages of this producer have no context, and others have one.".to_owned(),
        causes: causes::OF_SOME_MISSING.to_vec(),
        fix: "Find which call or which instance sends those without: the example is one of them. In Rust, send by \
              the wrapped client everywhere, and give work to tasks with `future_in_context`, `closure_in_context` \
              or `Job`.",
    }
}

pub(super) fn orphaned() -> Diagnosis {
    Diagnosis {
        code: "baggage-without-traceparent",
        severity: Severity::Warning,
        what: "Messages have a tracestate or baggage, and no traceparent.".to_owned(),
        causes: vec![
            "The producer sets the baggage propagator alone.",
            "Something on the way removes the traceparent and leaves the rest.",
        ],
        fix: "Set both propagators, as OTEL_PROPAGATORS=tracecontext,baggage does.",
    }
}

pub(super) fn malformed(tally: &Tally) -> Diagnosis {
    Diagnosis {
        code: "malformed-traceparent",
        severity: Severity::Error,
        what: format!(
            "The traceparent is malformed, so readers ignore it and start a new trace.{}",
            broken_rules(tally)
        ),
        causes: causes::OF_MALFORMED.to_vec(),
        fix: "Let an OpenTelemetry propagator write the header. `otel-messaging explain traceparent` shows the byte \
              at which a value breaks a rule.",
    }
}

pub(super) fn other_format(tally: &Tally) -> Diagnosis {
    let formats = tally.foreign_formats().join(", ");
    Diagnosis {
        code: "other-format",
        severity: Severity::Error,
        what: format!(
            "Messages carry a context in another format ({formats}), and none by W3C. Consumers with the W3C \
             propagator start a new trace."
        ),
        causes: causes::OF_OTHER_FORMAT.to_vec(),
        fix: "Let the producer write W3C too (OTEL_PROPAGATORS=tracecontext,baggage and its old format, until all \
              consumers read W3C), or let the consumers read the producer's format. In Rust, set the global \
              propagator to a composite of both.",
    }
}

pub(super) fn contradicting(system: System) -> Diagnosis {
    let readers = match system {
        System::Kafka => "Java and otel-messaging take the last one, Go the first, kafkajs none.",
        System::RabbitMq => {
            "most look for the name in lower case alone, and otel-messaging prefers it."
        }
        System::Nats => {
            "Java takes the first one of those in lower case, Go with the HTTP carrier reads title case alone, and \
             otel-messaging starts a new trace with a link to each unless one of them replaces the other."
        }
    };
    Diagnosis {
        code: "contradicting",
        severity: Severity::Error,
        what: format!(
            "Messages have several valid contexts, of different spans. Readers disagree: {readers}"
        ),
        causes: causes::of_contradicting(system),
        fix: "Replace the headers when a message is sent on, in every spelling, and let one instrumentation write. \
              In Rust, `forward` and `republish` of the wrapped producer do it.",
    }
}

pub(super) fn rewritten() -> Diagnosis {
    Diagnosis {
        code: "rewritten-on-the-way",
        severity: Severity::Error,
        what: "The server renamed the traceparent to `Xraceparent`, which no reader knows."
            .to_owned(),
        causes: vec![
            "nats-server 2.11 and 2.12 do so when a trace destination (`trace_dest`) is set and their sampling \
             refuses the message.",
        ],
        fix: "Update nats-server to 2.14 or later, which leaves names as they are, or remove the trace destination.",
    }
}

pub(super) fn not_text(tally: &Tally) -> Diagnosis {
    Diagnosis {
        code: "value-not-text",
        severity: match tally.health(Health::Malformed) {
            0 => Severity::Warning,
            _ => Severity::Error,
        },
        what: "A field of the context is null, a number, a table or bytes that are not text. Readers take it for \
               absent."
            .to_owned(),
        causes: vec![
            "The header is written by hand with a value of another type.",
            "Something on the way converts values: Kafka Connect's SimpleHeaderConverter guesses types.",
        ],
        fix: "Write the value as text: a long string in AMQP, UTF-8 in Kafka.",
    }
}
