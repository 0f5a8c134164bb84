//! The incoming policies, on a broker.

use super::{fields, names};
use crate::client::{Client, in_time};
use crate::spans::{Spans, assert_child, traceparent};
use crate::trust_cells::{
    Arrives, BAGGAGE, Cell, Expected, Links, OTHER_SENDER, SENDER, Sampled, TRACESTATE, cells,
};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanId, TraceContextExt};
use opentelemetry_sdk::trace::{Sampler, SpanData};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{Client as _, Describe};
use otel_messaging::sdk::Resampler;
use otel_messaging::trust::{IncomingPolicy, Messages};

/// A context's trace id and span id.
type Ids = [String; 2];

/// How a message is to be handled.
#[derive(Debug)]
struct Handling {
    parent: Option<Ids>,
    is_sampled: bool,
    links: Vec<Ids>,
    tracestate: &'static str,
    baggage: &'static str,
}

/// One message of the table.
struct Case {
    cell: Cell,
    expected: Handling,
    spans: Spans,
    by: Instrumentation,
}

/// The table of TRUST.md, except for the warnings, with a sampler that takes all roots and with one that takes none.
pub async fn each_cell_of_the_table_of_trust_holds<C: Client>() {
    let mut client = C::connect().await;
    let cases = cases::<C>();
    // All at once, because a consumer may wait half a second for a single message.
    for case in &cases {
        let headers = case.cell.arrives.headers();
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        client.send_plain(&headers).await;
    }
    let mut messages = Vec::new();
    for _ in &cases {
        messages.push(client.receive().await);
    }
    let mut contexts = Vec::new();
    for (case, message) in cases.iter().zip(&messages) {
        contexts.push(handle(&client, case, message).await);
    }
    for (case, context) in cases.iter().zip(&contexts) {
        let next = client.receive().await;
        assert_handled(case, context);
        assert_told(&client, case, context, &next);
    }
}

fn cases<C: Client>() -> Vec<Case> {
    let cells = cells();
    let mut cases = Vec::new();
    for root in [Sampler::AlwaysOn, Sampler::AlwaysOff] {
        for cell in &cells {
            let sampler = Sampler::ParentBased(Box::new(root.clone()));
            let spans = Spans::sampled_by(Resampler::new(sampler));
            let builder = spans.instrumentation.to_builder();
            let by = builder.with_incoming(Messages::all(), cell.policy).build();
            cases.push(Case {
                cell: *cell,
                expected: handling::<C>(cell, &cells, matches!(root, Sampler::AlwaysOn)),
                spans,
                by,
            });
        }
    }
    cases
}

/// What a cell says of a message, and the other cells of its row where it is about something beside the traceparent.
fn handling<C: Client>(cell: &Cell, cells: &[Cell], takes_roots: bool) -> Handling {
    let is_newest_first = <C::Message as Describe<C::Marker>>::Client::SYSTEM == "kafka";
    let of_sampled = || {
        let mut row = cells.iter().filter(|it| it.policy == cell.policy);
        let sampled = row.find(|it| it.arrives == Arrives::Sampled);
        sampled.expect("a cell of each column").expected
    };
    let (senders, expected) = match cell.arrives {
        // The protocol says which one counts.
        Arrives::Contradicting if is_newest_first => (vec![OTHER_SENDER], of_sampled()),
        Arrives::Contradicting => (vec![SENDER, OTHER_SENDER], cell.expected),
        Arrives::Nothing | Arrives::Malformed => (Vec::new(), cell.expected),
        Arrives::Sampled | Arrives::NotSampled => (vec![SENDER], cell.expected),
        Arrives::Baggage | Arrives::Tracestate => (vec![SENDER], of_sampled()),
    };
    let senders: Vec<Ids> = senders.iter().map(|ids| ids.map(str::to_owned)).collect();
    let (parent, is_sampled, links) = match expected {
        Expected::Root(Links::None) => (None, takes_roots, Vec::new()),
        Expected::Root(links) => {
            let is_one = links == Links::One;
            assert_eq!(is_one, senders.len() == 1, "{cell:?}");
            (None, takes_roots, senders)
        }
        Expected::Child { sampled, .. } => {
            let is_sampled = match sampled {
                Sampled::Yes => true,
                Sampled::No => false,
                Sampled::BySampler => takes_roots,
            };
            (Some(senders[0].clone()), is_sampled, senders)
        }
        Expected::Kept | Expected::Dropped => panic!("no handling: {cell:?}"),
    };
    let is_kept = |arrives| cell.arrives == arrives && cell.expected == Expected::Kept;
    let kept = |arrives, text| if is_kept(arrives) { text } else { "" };
    Handling {
        parent,
        is_sampled,
        links,
        tracestate: kept(Arrives::Tracestate, TRACESTATE),
        baggage: kept(Arrives::Baggage, BAGGAGE),
    }
}

/// Handles the message, sends another one in the handler, and returns the handler's context.
async fn handle<C: Client>(client: &C, case: &Case, message: &C::Message) -> Context {
    let headers = case.cell.arrives.headers();
    assert_eq!(C::headers(message).len(), headers.len(), "{:?}", case.cell);
    let handled = case.by.with_message_context(message, async |_| {
        let sent = in_time("send", client.send(Some(&case.by), &[])).await;
        sent.expect("the broker takes the message");
        Context::current()
    });
    handled.await
}

/// What the handler sees.
fn assert_handled(case: &Case, context: &Context) {
    let expected = &case.expected;
    let what = format!("{:?}: {expected:?}", case.cell);
    let current = context.span().span_context().clone();
    assert_eq!(current.is_sampled(), expected.is_sampled, "{what}");
    assert_eq!(
        current.trace_state().header(),
        expected.tracestate,
        "{what}"
    );
    let baggage = context.baggage().iter();
    let baggage = baggage.map(|(key, (value, _))| format!("{key}={value}"));
    let baggage = baggage.collect::<Vec<_>>().join(",");
    assert_eq!(baggage, expected.baggage, "{what}");
    let trace_id = current.trace_id().to_string();
    match &expected.parent {
        Some([trace, _]) => assert_eq!(trace_id, *trace, "{what}"),
        None => assert!(
            ![SENDER[0], OTHER_SENDER[0]].contains(&&*trace_id),
            "{what}"
        ),
    }
}

/// What the next message tells, and what is exported.
fn assert_told<C: Client>(client: &C, case: &Case, context: &Context, next: &C::Message) {
    let expected = &case.expected;
    let what = format!("{:?}: {expected:?}", case.cell);
    let current = context.span().span_context().clone();
    let (publish, process) = names(client);
    let carried = fields::<C>(next, "traceparent").concat();
    let flags = if expected.is_sampled { "01" } else { "00" };
    let trace_id = current.trace_id().to_string();
    assert_eq!(
        (&carried[3..35], &carried[53..]),
        (&*trace_id, flags),
        "{what}"
    );
    for (name, value) in [
        ("tracestate", expected.tracestate),
        ("baggage", expected.baggage),
    ] {
        assert_eq!(fields::<C>(next, name).concat(), value, "{what}");
    }
    if !expected.is_sampled {
        assert!(case.spans.all().is_empty(), "{what}");
        return;
    }
    let (sent, processed) = (case.spans.named(&publish), case.spans.named(&process));
    assert_eq!(carried, traceparent(&sent.span_context), "{what}");
    assert_eq!(processed.span_context, current, "{what}");
    assert_child(&sent, &processed.span_context);
    assert_exported(&processed, &case.cell, expected);
}

fn assert_exported(span: &SpanData, cell: &Cell, expected: &Handling) {
    let what = format!("{cell:?}: {expected:?}");
    let parent = expected.parent.as_ref().map(|[_, span]| span.clone());
    let parent = parent.unwrap_or_else(|| SpanId::INVALID.to_string());
    assert_eq!(span.parent_span_id.to_string(), parent, "{what}");
    let links = span.links.iter().map(|link| &link.span_context);
    let ids = links
        .clone()
        .map(|it| [it.trace_id().to_string(), it.span_id().to_string()]);
    let (mut ids, mut wanted) = (ids.collect::<Vec<_>>(), expected.links.clone());
    ids.sort();
    wanted.sort();
    assert_eq!(ids, wanted, "{what}");
    let believed = [IncomingPolicy::Continue, IncomingPolicy::ContinueAndWarn];
    if !believed.contains(&cell.policy) {
        for link in links {
            assert!(!link.is_sampled(), "{what}");
            assert_eq!(link.trace_state().header(), "", "{what}");
        }
    }
}
