//! The headers of a message for a terminal.

use super::{BAD, FAINT, GOOD, TITLE, field, readers, styled, table};
use crate::escape::cut;
use crate::explain::headers::{HeadersExplanation, OtherFormat, Verdict};
use crate::explain::reading::Sender;
use std::fmt::Write;

/// What is in the headers, and what readers make of it.
pub(crate) fn headers(said: &HeadersExplanation) -> String {
    let mut text = String::new();
    for explanation in &said.fields {
        text.push_str(&field(explanation));
        text.push('\n');
    }
    if said.fields.is_empty() {
        text.push_str("There is no traceparent, no tracestate and no baggage.\n\n");
    }
    for format in &said.formats {
        text.push_str(&other_format(format));
        text.push('\n');
    }
    if !said.remarks.is_empty() {
        let _ = writeln!(text, "{}", styled(TITLE, "headers"));
        for remark in &said.remarks {
            let _ = writeln!(text, "  {}", cut(remark, 400));
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "{}",
        styled(TITLE, "a Rust service with otel-messaging")
    );
    for verdict in &said.verdicts {
        text.push_str(&self::verdict(verdict));
    }
    text.push_str(&readers(&said.readers));
    text
}

fn other_format(format: &OtherFormat) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", styled(TITLE, format.format));
    let sampled = format
        .sampled
        .map(|sampled| if sampled { "yes" } else { "no" }.to_owned());
    let rows = [
        ("headers", Some(format.headers.join(", "))),
        ("trace id", format.trace_id.clone()),
        ("span id", format.span_id.clone()),
        ("sampled", sampled),
    ];
    let rows = rows
        .into_iter()
        .filter_map(|(name, value)| Some(vec![name.to_owned(), cut(&value?, 200)]));
    text.push_str(&table(rows));
    if format.trace_id.is_none() {
        text.push_str("  No trace id could be read.\n");
    }
    if format.contradicts {
        let _ = writeln!(
            text,
            "  {}",
            styled(
                BAD,
                "It is another trace than the one that traceparent names."
            )
        );
    } else {
        let what = "By default otel-messaging reads W3C's headers alone.";
        let _ = writeln!(text, "  {}", styled(FAINT, what));
    }
    text
}

fn verdict(verdict: &Verdict) -> String {
    let systems: Vec<_> = verdict.systems.iter().map(ToString::to_string).collect();
    let systems = systems.join(", ");
    let said = match &verdict.reading.sender {
        Sender::Valid(span) => {
            let sampled = if span.sampled {
                "sampled"
            } else {
                "not sampled"
            };
            styled(
                GOOD,
                &format!(
                    "child of span {} in trace {}, {sampled}",
                    span.span_id, span.trace_id
                ),
            )
        }
        Sender::Contradicting { senders } => {
            let senders: Vec<_> = senders
                .iter()
                .map(|span| format!("span {} in trace {}", span.span_id, span.trace_id))
                .collect();
            styled(
                BAD,
                &format!("a new trace, with links to {}", senders.join(" and ")),
            )
        }
        Sender::None => styled(BAD, "a new trace"),
    };
    let baggage: Vec<_> = verdict
        .reading
        .baggage
        .iter()
        .map(|entry| cut(&entry.key, 60))
        .collect();
    let baggage = match baggage.is_empty() {
        true => String::new(),
        false => format!("; baggage: {}", baggage.join(", ")),
    };
    format!("  {systems}: {said}{baggage}\n")
}
