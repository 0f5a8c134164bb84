//! Contexts that some readers take and others do not.

use crate::examine::tally::Tally;
use crate::finding::causes;
use crate::finding::diagnosis::{Diagnosis, broken_rules};
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
            System::Kafka => {
                "A field's name is not in lower case. Names are case-sensitive, so Java and Go start a new trace; \
                 otel-messaging and kafkajs read it."
            }
            System::RabbitMq => {
                "A field's name is not in lower case. Names are case-sensitive, so Java and Go start a new trace; \
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

pub(super) fn both_spellings(system: System) -> Diagnosis {
    Diagnosis {
        code: "both-spellings",
        severity: Severity::Note,
        what: "A field is there in lower case and in another spelling, and both name one sender. Readers of either \
               join."
            .to_owned(),
        causes: match system {
            System::Nats => vec!["The producer writes both on purpose: `Spelling::Both` of otel-messaging."],
            System::Kafka | System::RabbitMq => vec![
                "Two instrumentations write to the same message, one of them with a carrier for HTTP headers.",
            ],
        },
        fix: match system {
            System::Nats => {
                "Nothing has to change, unless the server is nats-server 2.11 or 2.12: it makes two headers in lower \
                 case of them, and Go readers with the HTTP carrier find none."
            }
            System::Kafka | System::RabbitMq => "The one in lower case is enough.",
        },
    }
}

/// Which of several traceparents a reader takes differs, and so does what it makes of the malformed one.
pub(super) fn malformed_too(system: System, tally: &Tally) -> Diagnosis {
    let readers = match system {
        System::Kafka => {
            "Java takes the last one and Go the first, and each starts a new trace if that is it."
        }
        System::RabbitMq | System::Nats => "A reader that takes it starts a new trace.",
    };
    Diagnosis {
        code: "malformed-beside-valid",
        severity: Severity::Warning,
        what: format!(
            "A malformed traceparent is beside a valid one. otel-messaging takes the valid one. {readers}{}",
            broken_rules(tally)
        ),
        causes: vec![
            "A relay or a retry adds a context behind one that was malformed, in place of replacing it.",
        ],
        fix: "Replace the headers when a message is sent on, in every spelling. In Rust, `forward` and `republish` of \
              the wrapped producer do it.",
    }
}

pub(super) fn spaces(system: System) -> Diagnosis {
    let readers = match system {
        System::Kafka | System::RabbitMq => "Java and Go refuse it and start a new trace.",
        System::Nats => "Java reads it too; Go refuses it and starts a new trace.",
    };
    Diagnosis {
        code: "surrounding-spaces",
        severity: Severity::Warning,
        what: format!("White space is around the traceparent. otel-messaging reads it. {readers}"),
        causes: vec!["The header is written by hand, or copied from a text."],
        fix: "Let an OpenTelemetry propagator write the header.",
    }
}

pub(super) fn repeated(system: System) -> Diagnosis {
    Diagnosis {
        code: "repeated-context",
        severity: Severity::Warning,
        what: match system {
            System::Kafka => {
                "A traceparent is there more than once, with the same sender. kafkajs takes none of them and starts a \
                 new trace; most other readers take one."
            }
            System::RabbitMq => "A traceparent is there more than once, with the same sender. Most readers take one.",
            System::Nats => {
                "A traceparent is there more than once, with the same sender. Most readers take one; Go with the HTTP \
                 carrier reads title case alone."
            }
        }
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
        what: "The flags say more than that the context is sampled: 03 says that its trace id is random too. \
               OpenTelemetry for Go before 1.47 drops the whole context and starts a new trace; other readers that \
               were tried read 03."
            .to_owned(),
        causes: vec!["The producer follows Trace Context Level 2, as OpenTelemetry for Python and Java do."],
        fix: "Update consumers in Go to OpenTelemetry 1.47 or later.",
    }
}
