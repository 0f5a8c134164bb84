//! The spellings of a name: NATS tells them apart, and programs write different ones.

use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use otel_messaging::{Carrier, Contexts, FieldSet, is_name};

pub(crate) const TRACEPARENT: &str = "traceparent";
/// What a server makes of it.
pub(crate) const DISABLED: &str = "Xraceparent";

/// The fields of a context in lower case, and as a Go relay adds them.
const LOWER: [&str; 3] = [TRACEPARENT, "tracestate", "baggage"];
const TITLE: [&str; 3] = ["Traceparent", "Tracestate", "Baggage"];

/// The contexts in headers in which a field stands more than once.
pub(crate) fn contexts(headers: &HeaderMap) -> Contexts<'_> {
    let enabled = headers
        .iter()
        .filter(|(key, _)| text(key).eq_ignore_ascii_case(TRACEPARENT));
    let enabled = enabled.flat_map(|(_, values)| values.iter().map(HeaderValue::as_str));
    let [all, state, baggage] = LOWER.map(|name| Carrier::get_all(headers, name).collect());
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

/// The part of a traceparent between its first and its second `-`.
fn trace_id<'a>(set: &FieldSet<'a>) -> Option<&'a str> {
    set.traceparent?.split('-').nth(1)
}

/// The part behind that.
fn span_id<'a>(set: &FieldSet<'a>) -> Option<&'a str> {
    set.traceparent?.split('-').nth(2)
}

#[inline(always)]
pub(crate) fn is_spelling(key: &str, name: &str) -> bool {
    let ends_alike = match (key.as_bytes().last(), name.as_bytes().last()) {
        (Some(a), Some(b)) => (a ^ b) & !0x20 == 0,
        _ => true,
    };
    key.len() == name.len()
        && ends_alike
        && match key.as_bytes().first() {
            Some(b'X' | b'x') => is_disabled(key, name),
            _ => is_name(key.as_bytes(), name),
        }
}

#[cold]
fn is_disabled(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name)
        || (name.eq_ignore_ascii_case(TRACEPARENT) && key.eq_ignore_ascii_case(DISABLED))
}

#[inline]
pub(crate) fn text(name: &HeaderName) -> &str {
    name.as_ref()
}

/// How the names of a context's headers are written on NATS, which tells `traceparent` and
/// `Traceparent` apart.
///
/// Reading takes any spelling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spelling {
    /// Once, as [`Lower`](Self::Lower) does, and twice, as [`Both`](Self::Both) does, where a field
    /// of a context came in title case. Its sender reads no other spelling, and neither do those
    /// behind it that are like it.
    ///
    /// A field came in title case if it stands so in a received message that is sent on, in the
    /// headers that the caller gives, or in the request to a service that is answered.
    ///
    /// A context that `forward` keeps stays what it was. Beside a field that came in title case alone
    /// the same value is written as the propagator spells the name, and beside `Xraceparent` alone as
    /// `traceparent`. Where there is no room for all that is missing, nothing is added, and that is
    /// counted in [`dropped_fields`](crate::dropped_fields).
    #[default]
    AsReceived,
    /// Once, as the propagator spells them: `traceparent`. Java, Node, Python and this crate read
    /// it. A context that `forward` keeps stays as it came.
    Lower,
    /// Twice, with equal values: as the propagator spells them, and in the canonical form of Go's
    /// HTTP headers, `Traceparent` and `X-B3-Traceid`. Go programs that read NATS headers by
    /// OpenTelemetry's HTTP carrier find no other. Of a context that `forward` keeps, the spelling
    /// that is missing is added.
    ///
    /// A context then takes twice the bytes. Of a message that a relay sends on after it has
    /// replaced one spelling alone, some readers take the relay's context and others the older one
    /// beside it. Both are of one trace. This crate takes the one in title case: it passes over the
    /// span of a relay that replaces only the one in lower case, as those in Java, Node and Python do.
    ///
    /// Servers of 2.11 and 2.12 rewrite every spelling of `traceparent` to lower case in flight, so
    /// that programs that look for title case alone find none there.
    Both,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a Go relay leaves behind, and what a server of 2.11 stores.
    #[test]
    fn the_right_one_of_several_spellings_counts() {
        use opentelemetry::trace::TraceContextExt;
        let header = |span: u64| format!("00-0af7651916cd43dd8448eb211c80319c-{span:016x}-01");
        let other_trace = header(9).replace("0af7", "0af8");
        type Lines<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Lines<'_>, Option<u64>); 14] = [
            (&[("Traceparent", &header(1))], Some(1)),
            (
                &[("traceparent", &header(1)), ("Traceparent", &header(1))],
                Some(1),
            ),
            (
                &[("traceparent", &header(1)), ("Traceparent", &header(2))],
                Some(2),
            ),
            (
                &[("traceparent", &header(1)), ("Traceparent", &other_trace)],
                None,
            ),
            (
                &[("traceparent", &header(1)), ("Traceparent", "00-")],
                Some(1),
            ),
            (&[("traceparent", ""), ("Traceparent", &header(2))], Some(2)),
            (
                &[("traceparent", "00-"), ("Xraceparent", &header(2))],
                Some(2),
            ),
            (
                &[
                    ("traceparent", &header(1)),
                    ("Traceparent", &header(2)),
                    ("TRACEPARENT", &header(1)),
                ],
                Some(2),
            ),
            (
                &[
                    ("traceparent", &header(1)),
                    ("Traceparent", &header(2)),
                    ("TRACEPARENT", &header(3)),
                ],
                None,
            ),
            (
                &[("traceparent", &header(1)), ("TRACEPARENT", &header(2))],
                None,
            ),
            (
                &[("traceparent", &header(1)), ("traceparent", &header(2))],
                None,
            ),
            (&[("Xraceparent", &header(1))], Some(1)),
            (
                &[("Xraceparent", &header(1)), ("traceparent", &header(2))],
                Some(2),
            ),
            (
                &[("Xraceparent", &header(1)), ("Traceparent", &header(2))],
                Some(2),
            ),
        ];
        for (lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, *value);
            }
            let context = crate::extract(&headers);
            let span = context.span().span_context().clone();
            let found = span
                .is_valid()
                .then(|| u64::from_be_bytes(span.span_id().to_bytes()));
            assert_eq!(found, expected, "{lines:?}");

            headers.append("order", "7");
            crate::inject(&opentelemetry::Context::new(), &mut headers);
            assert_eq!(headers.len(), 1, "every spelling is replaced: {headers:?}");
        }
    }

    /// The map has another order each time it is made.
    #[test]
    fn several_spellings_always_have_the_same_order() {
        for _ in 0..50 {
            let mut headers = HeaderMap::new();
            for name in ["baggage", "Baggage", "BAGGAGE"] {
                headers.append(name, format!("from={name}"));
            }
            let lines: Vec<_> = Carrier::get_all(&headers, "baggage").collect();
            assert_eq!(lines, ["from=baggage", "from=Baggage", "from=BAGGAGE"]);
        }
    }

    #[test]
    fn the_fields_that_count_are_those_of_the_traceparent_that_counts() {
        use opentelemetry::baggage::BaggageExt;
        use opentelemetry::trace::TraceContextExt;
        let header = |span: u64| format!("00-0af7651916cd43dd8448eb211c80319c-{span:016x}-01");
        type Lines<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Lines<'_>, &str, usize); 6] = [
            (&[("tracestate", "a=1"), ("Tracestate", "a=2")], "a=2", 0),
            (&[("tracestate", "a=1"), ("tracestate", "b=1")], "", 0),
            (
                &[("Tracestate", "a=1"), ("Tracestate", "b=1")],
                "a=1,b=1",
                0,
            ),
            // Members that the relay dropped do not come back.
            (&[("baggage", "a=1,b=2"), ("Baggage", "a=1")], "", 1),
            (&[("baggage", "a=1,b=2")], "", 0),
            (&[], "", 0),
        ];
        for (lines, state, members) in cases {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", header(1));
            headers.insert("Traceparent", header(2));
            for (name, value) in lines {
                headers.append(*name, *value);
            }
            let context = crate::extract(&headers);
            let found = context.span().span_context().trace_state().header();
            assert_eq!(found, state, "{lines:?}");
            assert_eq!(context.baggage().len(), members, "{lines:?}");
        }
    }

    /// A Go relay changes what is in title case, be it without a span of its own.
    #[test]
    fn with_one_sender_the_fields_in_the_spelling_of_its_traceparent_count() {
        use opentelemetry::baggage::BaggageExt;
        use opentelemetry::trace::TraceContextExt;
        const SENDER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        const OTHER_FLAGS: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        const LOWER: (&str, &str) = ("traceparent", SENDER);
        const TITLE: (&str, &str) = ("Traceparent", SENDER);
        const UNSAMPLED: (&str, &str) = ("Traceparent", OTHER_FLAGS);
        let both = [("baggage", "a=1,b=2"), ("Baggage", "a=1")];
        let (old, new) = ([both[0]], [both[1]]);
        let states = [("tracestate", "x=1"), ("Tracestate", "x=2")];
        type Lines<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Lines<'_>, Lines<'_>, &str, &str, bool); 15] = [
            (&[TITLE], &both, "a", "", true),
            (&[LOWER], &both, "a b", "", true),
            (&[LOWER, TITLE], &both, "a", "", true),
            (&[LOWER, UNSAMPLED], &both, "a", "", false),
            (&[LOWER, TITLE], &states, "", "x=2", true),
            (&[LOWER], &states, "", "x=1", true),
            // Dropped in title case, where it stood.
            (&[LOWER, TITLE], &old, "", "", true),
            (&[LOWER, TITLE], &new, "a", "", true),
            // As a server of 2.11 hands them on: by a Go sender, and by both spellings.
            (&[LOWER], &new, "a", "", true),
            (&[LOWER, LOWER], &both, "a", "", true),
            (&[LOWER, LOWER], &old, "a b", "", true),
            // By a sender with a spelling for each.
            (&[TITLE], &old, "a b", "", true),
            (&[("TRACEPARENT", SENDER)], &both, "a b", "", true),
            (&[("Xraceparent", SENDER)], &both, "a b", "", true),
            (&[TITLE, ("traceparent", "00-")], &both, "a", "", true),
        ];
        for (senders, fields, members, state, is_sampled) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in senders.iter().chain(fields) {
                headers.append(*name, *value);
            }
            let context = crate::extract(&headers);
            let mut found: Vec<_> = context.baggage().iter().map(|(key, _)| key).collect();
            found.sort_unstable_by_key(|key| key.as_str());
            let found: Vec<_> = found.into_iter().map(|key| key.as_str()).collect();
            assert_eq!(found.join(" "), members, "{headers:?}");
            let sender = context.span().span_context().clone();
            assert!(sender.is_valid());
            assert_eq!(sender.trace_state().header(), state, "{headers:?}");
            assert_eq!(sender.is_sampled(), is_sampled, "{headers:?}");
        }
        // Without a sender nothing tells which is newer.
        let headers = HeaderMap::from_iter(both.map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, HeaderValue::from(value))
        }));
        assert_eq!(crate::extract(&headers).baggage().len(), 2);
    }

    #[test]
    fn each_sender_that_contradicts_another_has_the_fields_of_its_spelling() {
        let header = |trace: u64| format!("00-{trace:032x}-b7ad6b7169203331-01");
        let (one, two) = (header(1), header(2));
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", &*one);
        headers.insert("tracestate", "a=1");
        headers.insert("Traceparent", &*two);
        headers.insert("Baggage", "b=2");
        let Contexts::Contradicting(mut sets) = contexts(&headers) else {
            panic!("they contradict each other");
        };
        sets.sort_by_key(|set| set.traceparent);
        let [first, second] = &sets[..] else {
            panic!("two, not {sets:?}");
        };
        assert_eq!(first.traceparent, Some(&*one));
        assert_eq!(first.tracestate, ["a=1"]);
        assert_eq!(first.baggage, [""; 0]);
        assert_eq!(second.traceparent, Some(&*two));
        assert_eq!(second.tracestate, [""; 0]);
        assert_eq!(second.baggage, ["b=2"]);
    }
}
