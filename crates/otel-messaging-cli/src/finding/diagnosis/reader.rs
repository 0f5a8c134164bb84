//! Contexts that some readers take and others do not.

use crate::examine::tally::Tally;
use crate::finding::causes;
use crate::finding::diagnosis::Diagnosis;
use crate::message::System;
use crate::report::Severity;

pub(super) fn binary() -> Diagnosis {
    Diagnosis {
        code: "binary-value",
        severity: Severity::Warning,
        what: "A field of the context is a byte array of AMQP. otel-messaging reads it; Java, Go and JavaScript \
               ignore it and start a new trace."
            .to_owned(),
        causes: vec![
            "The producer's carrier writes bytes: `[]byte` in Go, `bytes` in Python, `Buffer` in Node.",
        ],
        fix: "Write the value as text, which AMQP sends as a long string.",
    }
}

pub(super) fn spelling(system: System) -> Diagnosis {
    Diagnosis {
        code: "odd-spelling",
        severity: Severity::Warning,
        what: match system {
            System::Nats => {
                "A field's name is not in lower case. Go with the HTTP carrier reads it; Java, Node and Python start \
                 a new trace."
            }
            System::Kafka | System::RabbitMq => {
                "A field's name is not in lower case. Names are case-sensitive, so most readers start a new trace; \
                 otel-messaging reads it."
            }
        }
        .to_owned(),
        causes: causes::of_spelling(system),
        fix: match system {
            System::Nats => {
                "Write `traceparent` in lower case. If consumers in Go use the HTTP carrier, write both spellings, as \
                 otel-messaging does with `Spelling::Both`."
            }
            System::Kafka | System::RabbitMq => "Write `traceparent`, `tracestate` and `baggage` in lower case.",
        },
    }
}

pub(super) fn both_spellings() -> Diagnosis {
    Diagnosis {
        code: "both-spellings",
        severity: Severity::Note,
        what: "Each field is there in lower case and in title case, with the same value. Every reader joins.".to_owned(),
        causes: vec!["The producer writes both on purpose: `Spelling::Both` of otel-messaging."],
        fix: "Nothing has to change, unless the server is nats-server 2.11 or 2.12: it makes two headers in lower \
              case of them, and Go readers with the HTTP carrier find none.",
    }
}

pub(super) fn repeated(system: System) -> Diagnosis {
    Diagnosis {
        code: "repeated-context",
        severity: Severity::Warning,
        what: "A field is there more than once, with the same sender. kafkajs takes none of them and starts a new \
               trace; most other readers take one."
            .to_owned(),
        causes: match system {
            System::Nats => vec![
                "The producer writes both spellings, and nats-server 2.11 or 2.12 rewrote them to one name.",
                "A pipeline appends the context that is there already.",
            ],
            System::Kafka | System::RabbitMq => vec![
                "A pipeline appends the context that is there already, or two instrumentations write the same one.",
            ],
        },
        fix: "Replace the headers in place of appending them. On NATS, update the server to 2.14 or later.",
    }
}

pub(super) fn formats_differ(tally: &Tally) -> Diagnosis {
    let formats = tally.foreign_formats().join(", ");
    Diagnosis {
        code: "formats-differ",
        severity: Severity::Warning,
        what: format!(
            "The message's other format ({formats}) names another trace than its traceparent. Consumers with \
             different propagators join different traces."
        ),
        causes: vec![
            "Two tracers run in the producer: an agent of a vendor beside OpenTelemetry.",
            "A relay replaces the format that it knows and leaves the other one as it came.",
        ],
        fix: "Let one tracer write, and let relays replace the headers of every format.",
    }
}

pub(super) fn quoted() -> Diagnosis {
    Diagnosis {
        code: "json-quotes",
        severity: Severity::Warning,
        what: "The values are in double quotes, as JSON. otel-messaging reads them; most readers start a new trace."
            .to_owned(),
        causes: vec![
            "The producer is an older Spring for Apache Kafka, whose header mapper writes JSON.",
            "A header converter of Kafka Connect writes JSON.",
        ],
        fix: "In Spring, add the fields to the mapper's raw headers (`setRawMappedHeaders`). In Kafka Connect, set \
              `header.converter` to StringConverter.",
    }
}

pub(super) fn flags_03() -> Diagnosis {
    Diagnosis {
        code: "flags-03",
        severity: Severity::Warning,
        what: "The flags are 03: sampled, with a random trace id. OpenTelemetry for Go before 1.47 drops the whole \
               context and starts a new trace; all others read it."
            .to_owned(),
        causes: vec!["The producer follows Trace Context Level 2, as OpenTelemetry for Python and Java do."],
        fix: "Update consumers in Go to OpenTelemetry 1.47 or later.",
    }
}
