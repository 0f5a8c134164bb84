//! The trace of an order, as a tree.

use super::orders::{Outcome, Placed};
use super::received::{OfService, Received, hex};
use super::table;
use opentelemetry_proto::tonic::trace::v1::Span;

type Node<'a> = &'a OfService<Span>;

/// The trace of an order, and the spans of others that are linked to it: of batches.
pub(super) fn of(placed: &Placed, outcome: Option<&Outcome>, received: &Received) -> String {
    let trace = received.trace_of(placed.order.id);
    let spans = received.spans_of(trace);
    let mut rows = Vec::new();
    let roots = spans.iter().filter(|span| parent(span, &spans).is_none());
    for root in sorted(roots) {
        add(root, &spans, "", "", &mut rows);
    }
    for span in linked(trace, received) {
        rows.push(row(format!("⇢ {}", span.it.name), span));
    }
    let outcome = outcome.map_or_else(String::new, ToString::to_string);
    let tree = table::of(["span", "service", "kind", "duration", "error"], rows);
    format!("An order that was {outcome}: trace {}\n{tree}", hex(trace))
}

/// Spans of other traces with a link to this one.
fn linked<'a>(trace: &[u8], received: &'a Received) -> Vec<Node<'a>> {
    let has_link = |span: &&OfService<Span>| {
        let mut links = span.it.links.iter();
        span.it.trace_id != trace && links.any(|link| link.trace_id == trace)
    };
    received.spans.iter().filter(has_link).collect()
}

fn parent<'a>(span: &OfService<Span>, spans: &[Node<'a>]) -> Option<Node<'a>> {
    let id = &span.it.parent_span_id;
    spans.iter().find(|other| other.it.span_id == *id).copied()
}

fn sorted<'a>(spans: impl Iterator<Item = &'a Node<'a>>) -> Vec<Node<'a>> {
    let mut spans: Vec<_> = spans.copied().collect();
    spans.sort_by_key(|span| span.it.start_time_unix_nano);
    spans
}

fn add(span: Node<'_>, spans: &[Node<'_>], branch: &str, stem: &str, rows: &mut Vec<[String; 5]>) {
    rows.push(row(format!("{branch}{}", span.it.name), span));
    let children = spans
        .iter()
        .filter(|child| child.it.parent_span_id == span.it.span_id);
    let mut children = sorted(children).into_iter().peekable();
    while let Some(child) = children.next() {
        let (branch, below) = match children.peek() {
            Some(_) => ("├─", "│ "),
            None => ("└─", "  "),
        };
        add(
            child,
            spans,
            &format!("{stem}{branch}"),
            &format!("{stem}{below}"),
            rows,
        );
    }
}

fn row(name: String, span: Node<'_>) -> [String; 5] {
    let took = span
        .it
        .end_time_unix_nano
        .saturating_sub(span.it.start_time_unix_nano);
    let kind = span
        .it
        .kind()
        .as_str_name()
        .trim_start_matches("SPAN_KIND_");
    [
        name,
        span.service.clone(),
        kind.to_lowercase(),
        format!("{:.1} ms", took as f64 / 1e6),
        span.error().unwrap_or_default().to_owned(),
    ]
}
