//! What contexts carry.

use crate::examine::symptom::Symptom;
use crate::examine::tally::Tally;
use crate::finding::causes;
use crate::finding::diagnosis::Diagnosis;
use crate::report::{Health, Severity};

pub(super) fn empty_tracestate() -> Diagnosis {
    Diagnosis {
        code: "empty-tracestate",
        severity: Severity::Note,
        what: "The tracestate is there and empty. Readers take it for absent.".to_owned(),
        causes: vec!["JavaScript's propagator writes it after an invalid one came in."],
        fix: "Nothing has to change.",
    }
}

pub(super) fn malformed_tracestate() -> Diagnosis {
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

pub(super) fn malformed_baggage() -> Diagnosis {
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

/// Of a few messages one after the other nothing can be said, and of some more not much: a handler may send them.
pub(super) fn same_context(tally: &Tally) -> Option<Diagnosis> {
    let valid = tally.health(Health::Valid);
    // The first of them repeats nothing.
    let all_alike = valid >= 10 && tally.count(Symptom::SameContext) + 1 >= valid;
    all_alike.then(|| Diagnosis {
        code: "frozen-context",
        severity: match valid {
            0..100 => Severity::Note,
            _ => Severity::Warning,
        },
        what: "All messages of this producer carry one and the same context, as if one span had sent them all."
            .to_owned(),
        causes: causes::OF_SAME_CONTEXT.to_vec(),
        fix: "Inject the context that is current at each send, into headers of that message's own.",
    })
}

pub(super) fn large(tally: &Tally) -> Diagnosis {
    Diagnosis {
        code: "large-context",
        severity: Severity::Warning,
        what: format!(
            "The headers of the context take up to {} bytes in a message. Brokers and clients limit headers.",
            tally.largest()
        ),
        causes: vec![
            "Baggage collects what every service on the way adds.",
            "The header is not what a propagator writes: a traceparent has 55 bytes, and a tracestate rarely more than \
             512.",
        ],
        fix: "Keep baggage to a few short keys. In Rust, a `BaggageFilter` limits what leaves.",
    }
}

pub(super) fn unsampled() -> Diagnosis {
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

pub(super) fn other_format_too(tally: &Tally) -> Diagnosis {
    let formats = tally.foreign_formats().join(", ");
    Diagnosis {
        code: "other-format-too",
        severity: Severity::Note,
        what: format!("Messages carry another format ({formats}) beside W3C's."),
        causes: vec!["The producer's propagator is a composite, as during a migration."],
        fix: "Remove it once no consumer reads it.",
    }
}

pub(super) fn baggage(tally: &Tally) -> Diagnosis {
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
