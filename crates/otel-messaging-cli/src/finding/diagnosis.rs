//! The diagnosis of each symptom.

mod content;
mod context;
mod reader;

use crate::examine::symptom::Symptom;
use crate::examine::tally::Tally;
use crate::message::System;
use crate::report::Severity;

/// What a symptom means.
pub(crate) struct Diagnosis {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) what: String,
    pub(crate) causes: Vec<&'static str>,
    pub(crate) fix: &'static str,
}

/// The rules that traceparents break, for the end of a sentence.
fn broken_rules(tally: &Tally) -> String {
    let rules = tally.broken_rules().into_iter().take(3);
    let rules =
        rules.map(|(rule, messages)| format!(" {} (in {messages} messages)", rule.sentence()));
    rules.collect()
}

/// `None` if the symptom says nothing beside another one that the messages show.
pub(crate) fn diagnose(symptom: Symptom, system: System, tally: &Tally) -> Option<Diagnosis> {
    let diagnosis = match symptom {
        Symptom::Missing => context::missing(system, tally),
        Symptom::Orphaned => context::orphaned(),
        Symptom::Malformed => context::malformed(tally),
        Symptom::MalformedToo => reader::malformed_too(system, tally),
        Symptom::OtherFormat => context::other_format(tally),
        Symptom::Contradicting => context::contradicting(system),
        Symptom::Rewritten => context::rewritten(),
        Symptom::NotText => context::not_text(tally),
        Symptom::Binary => reader::binary(),
        Symptom::Spelling => reader::spelling(system),
        Symptom::BothSpellings => reader::both_spellings(system),
        Symptom::Spaces => reader::spaces(system),
        Symptom::Repeated => reader::repeated(system),
        Symptom::FormatsDiffer => reader::formats_differ(tally),
        Symptom::Quoted => reader::quoted(),
        Symptom::EmptyTracestate => content::empty_tracestate(),
        Symptom::MalformedTracestate => content::malformed_tracestate(),
        Symptom::MalformedBaggage => content::malformed_baggage(),
        Symptom::SameContext => return content::same_context(tally),
        Symptom::Large => content::large(tally),
        Symptom::Flags03 => reader::flags_03(),
        Symptom::Unsampled => content::unsampled(),
        Symptom::OtherFormatToo => content::other_format_too(tally),
        Symptom::Baggage => content::baggage(tally),
    };
    Some(diagnosis)
}
