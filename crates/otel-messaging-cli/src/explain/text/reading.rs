//! What was read, for a terminal.

use super::{BAD, styled, table};
use crate::escape::cut;
use crate::explain::reading::{Entry, Reading, Sender, Span};

/// The context, or that there is none.
pub(crate) fn reading(reading: &Reading) -> String {
    let mut text = String::new();
    let entries = reading.baggage.iter().map(baggage);
    match &reading.sender {
        // In one table, so that the columns are as wide.
        Sender::Valid(span) => return table(rows(span).into_iter().chain(entries)),
        Sender::Contradicting { senders } => {
            text.push_str(&styled(
                BAD,
                "The contexts contradict each other, so none counts. They name:",
            ));
            text.push('\n');
            for sender in senders {
                text.push_str(&table(rows(sender)));
            }
        }
        Sender::None => {
            text.push_str(&styled(
                BAD,
                "There is no valid context. `otel-messaging explain headers` says why.",
            ));
            text.push('\n');
        }
    }
    text.push_str(&table(entries));
    text
}

fn baggage(entry: &Entry) -> Vec<String> {
    let properties = match entry.properties.as_str() {
        "" => String::new(),
        properties => format!(";{properties}"),
    };
    let value = format!("{}={}{properties}", entry.key, entry.value);
    vec!["baggage".to_owned(), cut(&value, MOST)]
}

/// No field is longer.
const MOST: usize = 10_000;

fn rows(span: &Span) -> Vec<Vec<String>> {
    let yes = |holds: bool| if holds { "yes" } else { "no" }.to_owned();
    let rows = [
        ("trace id", span.trace_id.clone()),
        ("span id", span.span_id.clone()),
        ("sampled", yes(span.sampled)),
        ("random", yes(span.random_trace_id)),
        ("tracestate", cut(&span.tracestate, MOST)),
    ];
    let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
    rows.map(|(name, value)| vec![name.to_owned(), value])
        .collect()
}
