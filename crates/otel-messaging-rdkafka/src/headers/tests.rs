use super::*;
use crate::json_quotes::without_quotes;
use proptest::prelude::*;

fn headers(entries: &[(&[u8], Option<&[u8]>)]) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new();
    for entry in entries {
        assert!(native::add(&mut headers, *entry));
    }
    headers
}

#[test]
fn the_newest_text_counts() {
    let headers = headers(&[
        (b"traceparent", Some(b"first")),
        (b"\xff", Some(b"a name that is not UTF-8")),
        (b"Traceparent", Some(b"last")),
        (b"traceparent", None),
        (b"traceparent", Some(b"\xff")),
    ]);
    assert_eq!(Carrier::get(&headers, "TRACEPARENT"), Some("last"));
    assert_eq!(Carrier::get(&headers, "traceparent"), Some("first"));
    let all: Vec<_> = headers.get_all("TRACEPARENT").collect();
    assert_eq!(all, ["first", "last"]);
    assert_eq!(Carrier::keys(&headers).count(), 4);
}

#[test]
fn raw_headers_are_those_on_the_wire() {
    let entries: [(&[u8], Option<&[u8]>); 5] = [
        (b"traceparent", Some(b"first")),
        (b"\xff", Some(b"a name that is not UTF-8")),
        (b"traceparent", None),
        (b"traceparent", Some(b"\xff")),
        (b"", Some(b"")),
    ];
    let headers = headers(&entries);
    let raw: Vec<_> = raw_headers(headers.as_borrowed()).collect();
    assert_eq!(raw, entries);
}

/// What a relay writes that appends: the older context is not mixed into the newer one.
#[test]
fn the_newer_of_two_contexts_is_extracted() {
    use opentelemetry::baggage::BaggageExt;
    use opentelemetry::trace::TraceContextExt;
    const OLDER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const NEWER: &str = "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203332-01";
    let (older, newer) = (("traceparent", OLDER), ("traceparent", NEWER));
    let title = ("Traceparent", OLDER);
    let state = |value| ("tracestate", value);
    for (lines, expected) in [
        (&[older, state("a=1"), newer, state("b=2")][..], "b=2"),
        (&[older, state("a=1"), newer, state("a=2")], "a=2"),
        (&[older, state("a=1"), newer], ""),
        (&[older, state("a=1"), state("b=1"), newer], "b=1"),
        (&[newer, state("b=2"), title, state("a=1")], "b=2"),
        (&[older, state("a=1"), newer, ("traceparent", "00-")], ""),
        // Of one sender too, the exact name.
        (&[newer, ("Tracestate", "a=1"), state("b=2")], "b=2"),
        (&[newer, state("b=2"), ("Tracestate", "a=1")], "b=2"),
        (&[newer, ("Tracestate", "b=2")], "b=2"),
        (
            &[older, state("a=1"), newer, state("b=2"), state("c=3")],
            "b=2,c=3",
        ),
    ] {
        let is_oldest = lines[0] == newer;
        let lines = [&[("baggage", "dropped=1")], lines].concat();
        let lines = lines
            .iter()
            .map(|(k, v)| (k.as_bytes(), Some(v.as_bytes())));
        let headers = headers(&lines.collect::<Vec<_>>());
        let context = crate::extract(&headers);
        // It came with the one in front.
        assert_eq!(context.baggage().len(), usize::from(is_oldest));
        let span = context.span();
        let sender = span.span_context();
        assert_eq!(format!("{:032x}", sender.trace_id()), &NEWER[3..35]);
        assert_eq!(sender.trace_state().header(), expected);
    }
}

/// What a service with an older version of Spring writes.
#[test]
fn a_value_in_json_quotes_is_what_is_inside() {
    use opentelemetry::baggage::BaggageExt;
    use opentelemetry::trace::TraceContextExt;
    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let quoted = format!("\"{GOOD}\"");
    type Lines<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Lines<'_>, [&str; 3]); 8] = [
        (
            &[
                ("traceparent", &quoted),
                ("tracestate", "\"a=1\""),
                ("baggage", "\"tenant=acme\""),
            ],
            [GOOD, "a=1", "tenant=acme"],
        ),
        (&[("Traceparent", &quoted)], [GOOD, "", ""]),
        // The newest, as ever.
        (
            &[
                ("traceparent", "00-"),
                ("traceparent", &quoted),
                ("baggage", "\"a=1\""),
            ],
            [GOOD, "", "a=1"],
        ),
        // Escapes.
        (
            &[("traceparent", GOOD), ("tracestate", r#""a=\"1\"""#)],
            [GOOD, "", ""],
        ),
        (
            &[("traceparent", GOOD), ("baggage", r#""a=1,b=2;p=\\""#)],
            [GOOD, "", ""],
        ),
        // No JSON.
        (&[("traceparent", &quoted[1..])], ["", "", ""]),
        (&[("traceparent", "\"")], ["", "", ""]),
        (&[("traceparent", "\"\"")], ["", "", ""]),
    ];
    for (lines, expected) in cases {
        let raw = lines.iter();
        let raw = raw.map(|(k, v)| (k.as_bytes(), Some(v.as_bytes())));
        let headers = headers(&raw.collect::<Vec<_>>());
        let context = crate::extract(&headers);
        let sender = context.span().span_context().clone();
        let sender = [
            format!("00-{:032x}-{:016x}-01", sender.trace_id(), sender.span_id()),
            sender.trace_state().header(),
        ];
        let baggage = context.baggage().iter().next();
        let baggage = baggage.map(|(key, (value, _))| format!("{key}={value}"));
        let found = if context.span().span_context().is_valid() {
            sender
        } else {
            Default::default()
        };
        assert_eq!(found, expected[..2], "{lines:?}");
        assert_eq!(baggage.unwrap_or_default(), expected[2], "{lines:?}");
    }
    let other = headers(&[(b"order", Some(b"\"7\"")), (b"x-b3", Some(b"\"7\""))]);
    assert_eq!(Carrier::get(&other, "order"), Some("\"7\""));
    assert_eq!(Carrier::get(&other, "x-b3"), Some("\"7\""));
}

/// What Spring Cloud Sleuth writes by default.
#[test]
fn a_field_of_b3_in_json_quotes_is_what_is_inside() {
    for name in [
        "b3",
        "X-B3-TraceId",
        "X-B3-SpanId",
        "X-B3-ParentSpanId",
        "X-B3-Sampled",
        "X-B3-Flags",
    ] {
        let value = Some(&b"\"0af7651916cd43dd-1\""[..]);
        let headers = headers(&[(name.as_bytes(), value)]);
        let found = Carrier::get(&headers, &name.to_ascii_lowercase());
        assert_eq!(found, Some("0af7651916cd43dd-1"), "{name}");
    }
}

#[test]
fn what_is_forwarded_has_its_context_without_quotes() {
    let entries: [(&[u8], Option<&[u8]>); 6] = [
        (b"Traceparent", Some(b"\"00-\"")),
        (b"order", Some(b"\"7\"")),
        (b"baggage", Some(b"\"a=\\\"1\"")),
        (b"traceparent", None),
        (b"b3", Some(b"\"1-2\"")),
        (b"\xff", Some(b"\xff")),
    ];
    let mut expected = entries;
    expected[0].1 = Some(b"00-");
    expected[4].1 = Some(b"1-2");
    let forwarded = without_quotes(headers(&entries));
    assert_eq!(
        native::all(forwarded.as_borrowed()).collect::<Vec<_>>(),
        expected
    );
    let again = without_quotes(headers(&expected));
    assert_eq!(
        native::all(again.as_borrowed()).collect::<Vec<_>>(),
        expected
    );
}

/// A higher version may go on behind its fields, but with text.
#[test]
fn a_value_that_is_no_text_is_absent() {
    use opentelemetry::trace::TraceContextExt;
    let good = b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-";
    for (behind, valid) in [(&b"more"[..], true), (b"\xff", false)] {
        let value = [good, behind].concat();
        let headers = headers(&[(b"traceparent", Some(&value))]);
        let context = crate::extract(&headers);
        assert_eq!(context.span().span_context().is_valid(), valid);
    }
}

#[test]
fn set_replaces_every_spelling_and_keeps_the_rest() {
    let mut headers = headers(&[
        (b"traceparent", Some(b"old")),
        (b"\xff", Some(b"kept")),
        (b"Traceparent", Some(b"old")),
        (b"null", None),
        (b"traceparent", Some(b"old")),
    ]);
    headers.set("traceparent", "new".into()).unwrap();
    let all: Vec<_> = native::all(headers.as_borrowed()).collect();
    assert_eq!(
        all,
        [
            (&b"\xff"[..], Some(&b"kept"[..])),
            (&b"null"[..], None),
            (&b"traceparent"[..], Some(&b"new"[..])),
        ]
    );
}

proptest! {
    #[test]
    fn any_headers_can_be_read_and_replaced(
        entries in prop::collection::vec(
            ("[tT]race|[a-z\\xff]{0,3}", prop::option::of(prop::collection::vec(any::<u8>(), 0..5))),
            0..20,
        ),
    ) {
        let entries: Vec<_> = entries
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_deref()))
            .collect();
        let mut headers = headers(&entries);
        headers.set("trace", "new".into()).unwrap();
        let mut expected: Vec<_> = entries
            .into_iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case(b"trace"))
            .collect();
        expected.push((b"trace", Some(b"new")));
        let found: Vec<_> = native::all(headers.as_borrowed()).collect();
        prop_assert_eq!(found, expected);
    }
}
