//! What was found, beside what is expected.

use crate::client::Attacked;
use crate::expected::Expected;
use crate::message::{Claim, Hostile, secret};
use benches::sample::Entries;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanId, SpanKind, TraceContextExt, TraceId};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::adapter::Carrier;
use std::collections::HashSet;

/// The fields of W3C, in lower case.
const FIELDS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// Fields of other formats, which the hostile messages have.
const OTHERS: [&str; 2] = ["b3", "dead-letter-traceparent"];

/// What is beyond is not read.
const MOST_MEMBERS: usize = 64;

/// What was found wrong. The checks do not panic, so that all of it is counted.
#[derive(Debug, Default)]
pub(crate) struct Wrong {
    pub(crate) count: u64,
    pub(crate) first: Vec<String>,
}

impl Wrong {
    pub(crate) fn note(&mut self, message: &Hostile, found: &[(&str, Result<(), String>)]) {
        for (what, found) in found {
            if let Err(error) = found {
                self.count += 1;
                if self.first.len() < 10 {
                    self.first.push(format!("{what}: {error}, of {message:?}"));
                }
            }
        }
    }
}

/// What a message may carry when it goes out.
pub(crate) enum Told<'a> {
    Nothing,
    /// A span of this trace, and this baggage.
    Span(TraceId, &'a [&'a (String, String)]),
    /// What the sender has written, and this baggage.
    Kept(&'a Claim, &'a [&'a (String, String)]),
}

pub(crate) fn handling(expected: &Expected<'_>, context: &Context) -> Result<(), String> {
    let span = context.span().span_context().clone();
    let trace = u128::from_be_bytes(span.trace_id().to_bytes());
    let is_senders = expected.claims.iter().any(|claim| claim.trace == trace);
    same(
        "the trace is the sender's",
        is_senders,
        expected.parent.is_some(),
    )?;
    same("sampled", span.is_sampled(), expected.is_sampled)?;
    let state = span.trace_state().header();
    same("tracestate", &*state, expected.state.unwrap_or_default())?;
    let baggage = context.baggage().iter();
    let pairs = baggage.map(|(key, (value, _))| (key.to_string(), value.to_string()));
    members(MOST_MEMBERS, &expected.baggage, &pairs.collect::<Vec<_>>())
}

/// What stands in headers that leave.
pub(crate) fn headers<C: Attacked>(
    expected: &Expected<'_>,
    told: &Told<'_>,
    headers: &C::Headers,
) -> Result<(), String> {
    let one = |name: &str| headers.get_all(name).collect::<Vec<_>>().join("; ");
    let [parent, state, baggage] = ["traceparent", "tracestate", "baggage"].map(one);
    let baggage = pairs(&baggage);
    match told {
        Told::Nothing => {
            let left = C::entries(headers);
            let is_field = |name: &str| {
                let name = &*name.to_ascii_lowercase();
                FIELDS.contains(&name) || OTHERS.contains(&name)
            };
            let left: Entries = left
                .into_iter()
                .filter(|(name, _)| is_field(name))
                .collect();
            same("what is left", left, Entries::new())
        }
        Told::Span(trace, told) => {
            same("tracestate", &*state, expected.state.unwrap_or_default())?;
            let flags = u8::from(expected.is_sampled);
            same("begin", parent.get(..36), Some(&*format!("00-{trace}-")))?;
            same("flags", parent.get(52..), Some(&*format!("-{flags:02x}")))?;
            let id = parent.get(36..52);
            let is_senders = |claim: &Claim| id == Some(&*format!("{:016x}", claim.span));
            same("sender's id", expected.claims.iter().any(is_senders), false)?;
            members(MOST_MEMBERS, told, &baggage)
        }
        Told::Kept(claim, told) => {
            // An older one may stand before it.
            let last = headers.get_all("traceparent").last();
            same("traceparent", last, Some(&*claim.text()))?;
            same("tracestate", &*state, expected.state.unwrap_or_default())?;
            // The headers stay as they are.
            members(usize::MAX, told, &baggage)
        }
    }
}

/// What a dead letter says of the sender: its ids if they are believed, and its flag if that is.
pub(crate) fn dead_letter<C: Attacked>(
    expected: &Expected<'_>,
    headers: &C::Headers,
) -> Result<(), String> {
    let said: Vec<_> = headers.get_all("dead-letter-traceparent").collect();
    let told = expected.parent.map(|claim| Claim {
        is_sampled: claim.is_sampled && expected.is_believed,
        ..claim.clone()
    });
    let told: Vec<_> = told.iter().map(Claim::text).collect();
    same(
        "dead letter",
        said,
        told.iter().map(|text| &**text).collect(),
    )
}

/// The spans of one message: its handling and what the handler has sent.
pub(crate) fn spans(
    expected: &Expected<'_>,
    spans: &[SpanData],
    count: usize,
    trace: TraceId,
) -> Result<(), String> {
    let wanted = if expected.is_sampled { count } else { 0 };
    same("spans", spans.len(), wanted)?;
    for span in spans {
        same("trace of a span", span.span_context.trace_id(), trace)?;
        if expected.has_secret {
            let shown = format!("{span:?}");
            same("a secret is shown", shown.contains(&secret()), false)?;
        }
        let parent = expected
            .parent
            .map_or(SpanId::INVALID, |claim| SpanId::from(claim.span));
        let is_handling = span.span_kind == SpanKind::Consumer;
        if is_handling {
            same("parent", span.parent_span_id, parent)?;
        }
        links(expected, span, is_handling)?;
    }
    Ok(())
}

/// A message that was sent on without its context, outside of any handler.
pub(crate) fn is_of_a_root<C: Attacked>(
    is_sampled: bool,
    headers: &C::Headers,
    claims: &[Claim],
) -> Result<(), String> {
    let one = |name: &str| headers.get_all(name).collect::<Vec<_>>().join("; ");
    let [parent, state, baggage] = ["traceparent", "tracestate", "baggage"].map(one);
    let flags = u8::from(is_sampled);
    same("flags", parent.get(52..), Some(&*format!("-{flags:02x}")))?;
    let is_senders = |claim: &Claim| parent.contains(&format!("{:032x}", claim.trace));
    same("sender's trace", claims.iter().any(is_senders), false)?;
    same("tracestate and baggage", state + &baggage, String::new())
}

fn links(expected: &Expected<'_>, span: &SpanData, is_all: bool) -> Result<(), String> {
    let has = span.links.len();
    // What is published has none, and what is sent on has all.
    if is_all || has > 0 {
        same("links", has, expected.links.len())?;
    }
    for link in span.links.iter() {
        let linked = &link.span_context;
        let ids = (linked.trace_id(), linked.span_id());
        let is_of = |claim: &Claim| ids == (TraceId::from(claim.trace), SpanId::from(claim.span));
        same("a link", expected.links.iter().any(is_of), true)?;
        if !expected.is_believed && expected.parent.is_some() || expected.is_refused {
            same("flags of a link", linked.trace_flags().to_u8(), 0)?;
            same("state of a link", &*linked.trace_state().header(), "")?;
        }
    }
    Ok(())
}

fn pairs(list: &str) -> Vec<(String, String)> {
    let members = list
        .split([',', ';'])
        .filter(|member| !member.trim().is_empty());
    let pairs = members.filter_map(|member| member.trim().split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.replace("%3D", "=")))
        .collect()
}

fn members(
    most: usize,
    told: &[&(String, String)],
    found: &[(String, String)],
) -> Result<(), String> {
    let known: HashSet<_> = told.iter().copied().collect();
    let unknown = found.iter().find(|pair| !known.contains(pair));
    same("baggage that should not be there", unknown, None)?;
    same("members", found.len(), told.len().min(most))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found:?}, expected {expected:?}"))
}
