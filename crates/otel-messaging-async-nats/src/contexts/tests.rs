use super::*;
use async_nats::header::HeaderName;
use otel_messaging::adapter::Carrier;

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
