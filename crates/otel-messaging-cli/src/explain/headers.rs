//! A message's headers, explained as a whole.

use crate::escape::cut;
use crate::explain::explanation::Explanation;
use crate::explain::foreign::{self, ForeignTraceId, format_of};
use crate::explain::peers::{self, Condition, Row};
use crate::explain::reading::{Reading, Sender, read_on, span_of};
use crate::explain::spelling::Spelt;
use crate::explain::{baggage, traceparent, tracestate};
use crate::headers::Headers;
use crate::message::{Header, System, Value};
use serde::Serialize;

/// What is said of the headers of one message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct HeadersExplanation {
    /// Whether each field is valid, and every system's reader joins the sender's trace.
    pub(crate) valid: bool,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) fields: Vec<Explanation>,
    pub(crate) formats: Vec<OtherFormat>,
    pub(crate) remarks: Vec<String>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) readers: Vec<Row>,
}

/// What a service with otel-messaging makes of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Verdict {
    /// Those on which the verdict is the same.
    pub(crate) systems: Vec<System>,
    #[serde(flatten)]
    pub(crate) reading: Reading,
}

/// A context in another format than W3C's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OtherFormat {
    pub(crate) format: &'static str,
    pub(crate) headers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) span_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sampled: Option<bool>,
    /// It is another trace than the one that W3C's headers name.
    pub(crate) contradicts: bool,
}

const SYSTEMS: [System; 3] = [System::Kafka, System::RabbitMq, System::Nats];

/// More headers of a field are not explained one by one.
const MOST_VALUES: usize = 8;

/// Explains the headers; of the readers only those of `system`, if there is one.
pub(crate) fn explain(headers: &Headers, system: Option<System>) -> HeadersExplanation {
    let sent = headers.as_sent();
    let parents = Spelt::of(&sent, "traceparent");
    let states = Spelt::of(&sent, "tracestate");
    let baggages = Spelt::of(&sent, "baggage");
    let parents_explained = parents.texts.iter().take(MOST_VALUES);
    let mut fields: Vec<_> = parents_explained
        .map(|(spelling, value)| Explanation {
            header: Some((*spelling).to_owned()),
            ..traceparent::explain(value)
        })
        .collect();
    fields.dedup();
    if !states.texts.is_empty() {
        fields.push(tracestate::explain(&states.values()));
    }
    if !baggages.texts.is_empty() {
        fields.push(baggage::explain(&baggages.values()));
    }
    let verdicts = verdicts(headers, system);
    let joins = |verdict: &Verdict| matches!(verdict.reading.sender, Sender::Valid(_));
    let conditions = conditions(&parents, &states, &baggages);
    HeadersExplanation {
        valid: verdicts.iter().all(joins) && fields.iter().all(|field| field.valid),
        formats: formats(&sent, &verdicts),
        remarks: remarks(&sent, [&parents, &states, &baggages]),
        readers: peers::rows(&conditions, system),
        verdicts,
        fields,
        conditions,
    }
}

/// One for all systems that agree.
fn verdicts(headers: &Headers, system: Option<System>) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = Vec::new();
    let is_asked = |asked: &System| system.is_none_or(|system| system == *asked);
    for system in SYSTEMS.into_iter().filter(is_asked) {
        let reading = read_on(system, headers);
        match verdicts.iter_mut().find(|known| known.reading == reading) {
            Some(known) => known.systems.push(system),
            None => verdicts.push(Verdict {
                systems: vec![system],
                reading,
            }),
        }
    }
    verdicts
}

fn formats(sent: &[Header<'_>], verdicts: &[Verdict]) -> Vec<OtherFormat> {
    let joined = verdicts
        .iter()
        .find_map(|verdict| match &verdict.reading.sender {
            Sender::Valid(span) => opentelemetry::TraceId::from_hex(&span.trace_id).ok(),
            _ => None,
        });
    let formats = foreign::formats(sent);
    let explained = formats.iter().map(|found| OtherFormat {
        format: found.format.name(),
        headers: sent
            .iter()
            .filter(|header| format_of(header.name) == Some(found.format))
            .map(|header| cut(&String::from_utf8_lossy(header.name), 60))
            .collect(),
        trace_id: found.trace_id().map(|id| match id {
            ForeignTraceId::Wide(id) => format!("{id:032x}"),
            ForeignTraceId::Low(id) => format!("{id:016x}"),
        }),
        span_id: found.span_id().map(|id| format!("{id:016x}")),
        sampled: found.sampled(),
        contradicts: match (found.trace_id(), joined) {
            (Some(id), Some(joined)) => id.contradicts(joined),
            _ => false,
        },
    });
    explained.collect()
}

/// What is odd about the headers themselves.
fn remarks(sent: &[Header<'_>], fields: [&Spelt<'_>; 3]) -> Vec<String> {
    let mut remarks = Vec::new();
    for (name, spelt) in ["traceparent", "tracestate", "baggage"]
        .into_iter()
        .zip(fields)
    {
        for odd in spelt.odd(name).into_iter().take(MOST_VALUES) {
            let odd = cut(odd, 60);
            remarks.push(format!(
                "{odd} is another spelling of {name}. Names are case-sensitive on Kafka, RabbitMQ and NATS, and most readers look for {name} alone. OpenTelemetry's HTTP carrier in Go writes title case over NATS."
            ));
        }
        for kind in spelt.others.iter().take(MOST_VALUES) {
            remarks.push(format!(
                "A value of {name} is not text ({kind}): it reads as absent."
            ));
        }
        let empty = spelt
            .texts
            .iter()
            .any(|(_, value)| value.trim_matches([' ', '\t']).is_empty());
        if empty && name == "tracestate" {
            remarks.push("An empty tracestate says nothing. OpenTelemetry for JavaScript sends one after an invalid one came in.".to_owned());
        }
        if spelt.texts.len() > 1 {
            let said = if spelt.are_equal() {
                "all values are equal. Pipelines that append headers send a context twice."
            } else if name == "traceparent" {
                "the values differ. Replace the header where it is sent on, and do not append one."
            } else {
                "the values differ. Some readers join them, others take the first or the last."
            };
            remarks.push(format!(
                "{name} is there {} times, and {said}",
                spelt.texts.len()
            ));
        }
        if spelt.texts.iter().any(|(_, value)| is_quoted(value)) {
            remarks.push(format!(
                "A value of {name} is in JSON quotes, as older versions of Spring for Apache Kafka write it. On Kafka, otel-messaging reads it without them."
            ));
        }
    }
    let is_renamed = |header: &&Header<'_>| header.name.eq_ignore_ascii_case(b"xraceparent");
    if let Some(header) = sent.iter().find(is_renamed) {
        let value = match header.value {
            Value::Text(text) => cut(text, 60),
            _ => String::new(),
        };
        remarks.push(format!(
            "Xraceparent is what NATS servers 2.11 and 2.12 make of traceparent when a destination for traces is set ({value}). On NATS, otel-messaging reads it if there is no traceparent."
        ));
    }
    let [parents, states, _] = fields;
    if !states.texts.is_empty()
        && !parents
            .texts
            .iter()
            .any(|(_, value)| span_of(value).is_some())
    {
        remarks.push("The tracestate is not read, because there is no valid traceparent (Trace Context Level 2, section 3.3).".to_owned());
    }
    remarks
}

fn is_quoted(value: &str) -> bool {
    value.len() >= 2 && value.starts_with('"') && value.ends_with('"')
}

/// What readers in other languages were tried with.
fn conditions(parents: &Spelt<'_>, states: &Spelt<'_>, baggages: &Spelt<'_>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let lower = parents.exact("traceparent");
    let title = parents.exact("Traceparent");
    match (lower.as_slice(), title.as_slice()) {
        ([value], []) => conditions.extend(condition_of_traceparent(value)),
        ([], [value]) if span_of(value).is_some() => conditions.push(Condition::TitleCase),
        ([one], [other]) if one == other => conditions.push(Condition::BothSpellings),
        ([_], [_]) => conditions.push(Condition::DifferentSpellings),
        ([first, rest @ ..], []) if span_of(first).is_some() => {
            let are_equal = rest.iter().all(|value| value == first);
            conditions.push(match are_equal {
                true => Condition::RepeatedTraceparent,
                false => Condition::DifferentTraceparents,
            });
        }
        _ => {}
    }
    if conditions.is_empty() {
        return conditions;
    }
    if states.exact("tracestate").len() > 1 {
        conditions.push(Condition::RepeatedTracestate);
    }
    if baggages.exact("baggage").len() > 1 {
        conditions.push(Condition::RepeatedBaggage);
    }
    if tracestate::check(states.values()).is_some() {
        conditions.push(Condition::MalformedTracestate);
    }
    conditions
}

/// What readers were tried with of a tracestate alone.
pub(crate) fn condition_of_tracestate(value: &str) -> Option<Condition> {
    tracestate::check([value]).map(|_| Condition::MalformedTracestate)
}

/// What readers were tried with of a traceparent alone.
pub(crate) fn condition_of_traceparent(value: &str) -> Option<Condition> {
    let trimmed = value.trim_matches([' ', '\t']);
    let lower = trimmed.to_ascii_lowercase();
    if span_of(trimmed).is_none() {
        let is_valid = span_of(&lower).is_some();
        return is_valid.then_some(Condition::UpperCase);
    }
    if trimmed.len() < value.len() {
        return Some(Condition::WhiteSpace);
    }
    match (trimmed.get(..2), trimmed.get(53..)) {
        (Some("00"), Some("00" | "01")) => Some(Condition::Plain),
        (Some("00"), Some("03")) => Some(Condition::Flags03),
        (Some("00"), Some("ff")) => Some(Condition::FlagsFf),
        (Some("01"), Some("00" | "01")) => Some(Condition::Version01),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
