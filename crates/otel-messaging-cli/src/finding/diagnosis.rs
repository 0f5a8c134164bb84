//! The diagnosis of each symptom.

use crate::examine::symptom::Symptom;
use crate::examine::tally::Tally;
use crate::finding::causes;
use crate::message::System;
use crate::report::{Health, Severity};
use std::fmt::Write as _;

/// What a symptom means.
pub(crate) struct Diagnosis {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) what: String,
    pub(crate) causes: Vec<&'static str>,
    pub(crate) fix: &'static str,
}

/// `None` if the symptom says nothing beside another one that the messages show.
pub(crate) fn diagnose(symptom: Symptom, system: System, tally: &Tally) -> Option<Diagnosis> {
    let diagnosis = match symptom {
        Symptom::Missing => missing(system, tally),
        Symptom::Orphaned => orphaned(),
        Symptom::Malformed => malformed(tally),
        Symptom::OtherFormat => other_format(tally),
        Symptom::Contradicting => contradicting(system),
        Symptom::Rewritten => rewritten(),
        Symptom::NotText => not_text(),
        Symptom::Binary => binary(),
        Symptom::Spelling => spelling(system),
        Symptom::BothSpellings => both_spellings(),
        Symptom::Repeated => repeated(system),
        Symptom::FormatsDiffer => formats_differ(tally),
        Symptom::Quoted => quoted(),
        Symptom::EmptyTracestate => empty_tracestate(),
        Symptom::MalformedTracestate => malformed_tracestate(),
        Symptom::MalformedBaggage => malformed_baggage(),
        Symptom::SameContext => return same_context(tally),
        Symptom::Large => large(tally),
        Symptom::Flags03 => flags_03(),
        Symptom::Unsampled => unsampled(),
        Symptom::OtherFormatToo => other_format_too(tally),
        Symptom::Baggage => baggage(tally),
    };
    Some(diagnosis)
}

fn missing(system: System, tally: &Tally) -> Diagnosis {
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

fn orphaned() -> Diagnosis {
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

fn malformed(tally: &Tally) -> Diagnosis {
    let mut what =
        "The traceparent is malformed, so readers ignore it and start a new trace.".to_owned();
    for (rule, messages) in tally.broken_rules().into_iter().take(3) {
        let _ = write!(what, " {} ({messages})", rule.sentence());
    }
    Diagnosis {
        code: "malformed-traceparent",
        severity: Severity::Error,
        what,
        causes: causes::OF_MALFORMED.to_vec(),
        fix: "Let an OpenTelemetry propagator write the header. `otel-messaging explain traceparent` shows the byte \
              at which a value breaks a rule.",
    }
}

fn other_format(tally: &Tally) -> Diagnosis {
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

fn contradicting(system: System) -> Diagnosis {
    let readers = match system {
        System::Kafka => "Java and otel-messaging take the last one, Go the first, kafkajs none.",
        System::RabbitMq => {
            "amqplib takes the last one; otel-messaging prefers the name in lower case."
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

fn rewritten() -> Diagnosis {
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

fn not_text() -> Diagnosis {
    Diagnosis {
        code: "value-not-text",
        severity: Severity::Error,
        what: "The traceparent is null, a number or a table in place of text. Readers take it for absent.".to_owned(),
        causes: vec![
            "The header is written by hand with a value of another type.",
            "Something on the way converts values: Kafka Connect's SimpleHeaderConverter guesses types.",
        ],
        fix: "Write the value as text: a long string in AMQP, UTF-8 in Kafka.",
    }
}

fn binary() -> Diagnosis {
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

fn spelling(system: System) -> Diagnosis {
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

fn both_spellings() -> Diagnosis {
    Diagnosis {
        code: "both-spellings",
        severity: Severity::Note,
        what: "Each field is there in lower case and in title case, with the same value. Every reader joins.".to_owned(),
        causes: vec!["The producer writes both on purpose: `Spelling::Both` of otel-messaging."],
        fix: "Nothing has to change, unless the server is nats-server 2.11 or 2.12: it makes two headers in lower \
              case of them, and Go readers with the HTTP carrier find none.",
    }
}

fn repeated(system: System) -> Diagnosis {
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

fn formats_differ(tally: &Tally) -> Diagnosis {
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

fn quoted() -> Diagnosis {
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

fn empty_tracestate() -> Diagnosis {
    Diagnosis {
        code: "empty-tracestate",
        severity: Severity::Note,
        what: "The tracestate is there and empty. Readers take it for absent.".to_owned(),
        causes: vec!["JavaScript's propagator writes it after an invalid one came in."],
        fix: "Nothing has to change.",
    }
}

fn malformed_tracestate() -> Diagnosis {
    Diagnosis {
        code: "malformed-tracestate",
        severity: Severity::Warning,
        what: "The tracestate is malformed or too large, so readers drop it. The trace goes on without what vendors \
               keep in it, such as their sampling."
            .to_owned(),
        causes: vec!["A vendor's entry has characters that the specification refuses, or there are too many entries."],
        fix: "`otel-messaging explain tracestate` shows which entry breaks which rule.",
    }
}

fn malformed_baggage() -> Diagnosis {
    Diagnosis {
        code: "malformed-baggage",
        severity: Severity::Warning,
        what: "Some of the baggage is malformed or too large. otel-messaging drops the members concerned; other \
               readers may drop all of it."
            .to_owned(),
        causes: vec![
            "Values are written without percent-encoding, with spaces, quotes, commas or letters that are not ASCII.",
        ],
        fix: "Let an OpenTelemetry propagator write the baggage. `otel-messaging explain baggage` shows the member.",
    }
}

/// Of a few messages one after the other nothing can be said: a handler may send them.
fn same_context(tally: &Tally) -> Option<Diagnosis> {
    let valid = tally.health(Health::Valid);
    // The first of them repeats nothing.
    let all_alike = valid >= 10 && tally.count(Symptom::SameContext) + 1 >= valid;
    all_alike.then(|| Diagnosis {
        code: "frozen-context",
        severity: Severity::Warning,
        what: "All messages of this producer carry one and the same context, as if one span had sent them all."
            .to_owned(),
        causes: causes::OF_SAME_CONTEXT.to_vec(),
        fix: "Inject the context that is current at each send, into headers of that message's own.",
    })
}

fn large(tally: &Tally) -> Diagnosis {
    Diagnosis {
        code: "large-context",
        severity: Severity::Warning,
        what: format!(
            "The headers of the context take up to {} bytes, in each message. Brokers and clients limit headers.",
            tally.largest()
        ),
        causes: vec!["Baggage collects what every service on the way adds."],
        fix: "Keep baggage to a few short keys. In Rust, a `BaggageFilter` limits what leaves.",
    }
}

fn flags_03() -> Diagnosis {
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

fn unsampled() -> Diagnosis {
    Diagnosis {
        code: "unsampled",
        severity: Severity::Note,
        what: "The context is not sampled: the trace goes on, and no backend has it.".to_owned(),
        causes: vec![
            "The sampler of the service that started the trace decided so.",
            "OTEL_TRACES_SAMPLER is always_off, or its ratio is small.",
        ],
        fix: "If traces are missing, raise the ratio at the service that starts them. A consumer can decide anew: \
              `IncomingPolicy::Resample` in otel-messaging.",
    }
}

fn other_format_too(tally: &Tally) -> Diagnosis {
    let formats = tally.foreign_formats().join(", ");
    Diagnosis {
        code: "other-format-too",
        severity: Severity::Note,
        what: format!("Messages carry another format ({formats}) beside W3C's."),
        causes: vec!["The producer's propagator is a composite, as during a migration."],
        fix: "Remove it once no consumer reads it.",
    }
}

fn baggage(tally: &Tally) -> Diagnosis {
    let keys: Vec<&str> = tally.baggage_keys().take(10).collect();
    Diagnosis {
        code: "baggage-leaves",
        severity: Severity::Note,
        what: format!(
            "Baggage leaves with these keys: {}. Whoever reads the messages can read it.",
            keys.join(", ")
        ),
        causes: vec!["The baggage propagator is on, and services on the way add entries."],
        fix: "Keep secrets and personal data out of baggage. In Rust, a `BaggageFilter` says which keys leave.",
    }
}
