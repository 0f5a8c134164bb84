//! Which context of a message counts, where its fields stand there in several spellings.

use crate::header_name::{TRACEPARENT, is_spelling, text};
use async_nats::header::{HeaderMap, HeaderValue};
use otel_messaging::adapter::{Contexts, FieldSet};

/// The fields of a context in lower case, and as a Go relay adds them.
const LOWER: [&str; 3] = [TRACEPARENT, "tracestate", "baggage"];
const TITLE: [&str; 3] = ["Traceparent", "Tracestate", "Baggage"];

/// The contexts in headers in which a field stands more than once.
pub(crate) fn contexts(headers: &HeaderMap) -> Contexts<'_> {
    let enabled = headers
        .iter()
        .filter(|(key, _)| text(key).eq_ignore_ascii_case(TRACEPARENT));
    let enabled = enabled.flat_map(|(_, values)| values.iter().map(HeaderValue::as_str));
    let [all, state, baggage] = LOWER.map(|name| lines(headers, name).collect());
    let (all, state, baggage): (Vec<_>, Vec<_>, Vec<_>) = (all, state, baggage);
    match Contexts::unordered(enabled, state.clone(), baggage.clone()) {
        // Disabled ones are all that there is.
        Contexts::One(set) if !set.has_sender() => Contexts::unordered(all, state, baggage),
        Contexts::One(set) => Contexts::One(of_one_sender(headers, set)),
        Contexts::Contradicting(sets) => settle(headers, sets),
        other => other,
    }
}

/// If the sender stands there in both spellings, those in title case count alone: a Go relay reads and
/// changes no others. Otherwise each field in the spelling of its `traceparent` counts, and in all
/// spellings where it is absent in that one: servers of 2.11 and 2.12 rewrite `traceparent` alone.
fn of_one_sender<'a>(headers: &'a HeaderMap, all: FieldSet<'a>) -> FieldSet<'a> {
    let [lower, title] = [LOWER, TITLE].map(|names| named(headers, names));
    match (lower, title) {
        (Some(lower), Some(title)) if title.has_sender() => {
            if lower.has_sender() {
                title
            } else {
                title.or(all)
            }
        }
        (Some(lower), Some(title)) if lower.has_sender() => {
            // Two lines in lower case are what such a server makes of both spellings.
            let traceparents = headers.get_all(TRACEPARENT);
            if traceparents.count() > 1 {
                title.or(lower).or(all)
            } else {
                lower.or(all)
            }
        }
        _ => all,
    }
}

/// Of two senders in one trace, the one in title case counts. Otherwise each sender keeps the fields in
/// its own spelling.
fn settle<'a>(headers: &'a HeaderMap, mut sets: Vec<FieldSet<'a>>) -> Contexts<'a> {
    let [lower, title] = [LOWER, TITLE].map(|names| {
        let set = named(headers, names);
        set.filter(FieldSet::has_sender)
    });
    if let (Some(lower), Some(title)) = (&lower, &title)
        && sets.len() == 2
        && span_id(lower) != span_id(title)
        && trace_id(lower) == trace_id(title)
    {
        return Contexts::One(title.clone());
    }
    for spelling in [lower, title].into_iter().flatten() {
        let ids = |set: &FieldSet<'a>| [trace_id(set), span_id(set)];
        let mut sets = sets.iter_mut();
        if let Some(set) = sets.find(|set| ids(set) == ids(&spelling)) {
            // Which flags of that sender count is settled already.
            (set.tracestate, set.baggage) = (spelling.tracestate, spelling.baggage);
        }
    }
    Contexts::Contradicting(sets)
}

/// What stands under exactly these names, unless that names several senders.
fn named<'a>(headers: &'a HeaderMap, names: [&str; 3]) -> Option<FieldSet<'a>> {
    let [traceparents, state, baggage] = names.map(|name| {
        let named = headers.iter().filter(move |(key, _)| text(key) == name);
        named.flat_map(|(_, values)| values.iter().map(HeaderValue::as_str))
    });
    match Contexts::unordered(traceparents, state, baggage) {
        Contexts::One(set) => Some(set),
        _ => None,
    }
}

/// Every value of a header, in any spelling.
///
/// The map has no order among names. Here lower case comes first, because the last of two members of a
/// baggage counts, and a relay adds title case.
pub(crate) fn lines<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let mut lines = headers
        .iter()
        .filter(|(key, _)| is_spelling(text(key), name));
    let mut one = lines.next();
    let mut several = Vec::new();
    if let Some(second) = lines.next() {
        several.extend(one.take().into_iter().chain([second]).chain(lines));
        several.sort_unstable_by(|(a, _), (b, _)| text(b).cmp(text(a)));
    }
    let lines = one.into_iter().chain(several);
    lines.flat_map(|(_, values)| values.iter().map(HeaderValue::as_str))
}

/// The part of a traceparent between its first and its second `-`.
fn trace_id<'a>(set: &FieldSet<'a>) -> Option<&'a str> {
    set.traceparent?.split('-').nth(1)
}

/// The part of a traceparent between its second and its third `-`.
fn span_id<'a>(set: &FieldSet<'a>) -> Option<&'a str> {
    set.traceparent?.split('-').nth(2)
}

#[cfg(test)]
mod tests;
