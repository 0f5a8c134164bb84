use super::*;

/// What came in title case alone, by what else and by the setting.
#[test]
fn a_context_that_is_kept_gets_the_spelling_that_is_missing() {
    type Lines<'a> = &'a [(&'a str, &'a str)];
    let (as_received, both) = (Spelling::AsReceived, Spelling::Both);
    let cases: [(Spelling, Lines<'_>, Lines<'_>); 13] = [
        (
            as_received,
            &[("Traceparent", "1"), ("Baggage", "a=1"), ("Order", "7")],
            &[("traceparent", "1"), ("baggage", "a=1")],
        ),
        (
            as_received,
            &[
                ("traceparent", "1"),
                ("Traceparent", "1"),
                ("Tracestate", "a=1"),
            ],
            &[("tracestate", "a=1")],
        ),
        (
            as_received,
            &[("Traceparent", "1"), ("Baggage", "a=1"), ("Baggage", "b=1")],
            &[("traceparent", "1"), ("baggage", "a=1"), ("baggage", "b=1")],
        ),
        // Two hops: what each has is its own.
        (
            as_received,
            &[
                ("traceparent", "1"),
                ("Traceparent", "2"),
                ("Baggage", "a=1"),
            ],
            &[],
        ),
        (
            as_received,
            &[("Xraceparent", "1")],
            &[("traceparent", "1")],
        ),
        (
            as_received,
            &[("Xraceparent", "1"), ("traceparent", "2")],
            &[],
        ),
        (
            as_received,
            &[("traceparent", "1"), ("baggage", "a=1")],
            &[],
        ),
        (as_received, &[("TRACEPARENT", "1")], &[]),
        (as_received, &[("Nats-Msg-Id", "1"), ("B3", "1")], &[]),
        (Spelling::Lower, &[("Traceparent", "1")], &[]),
        (both, &[("Traceparent", "1")], &[("traceparent", "1")]),
        (both, &[("traceparent", "1")], &[("Traceparent", "1")]),
        (
            both,
            &[("Xraceparent", "1")],
            &[("traceparent", "1"), ("Traceparent", "1")],
        ),
    ];
    let w3c = Instrumentation::builder()
        .with_propagator(otel_messaging::propagation::w3c())
        .build();
    for (spelling, came, added) in cases {
        let came = map(came);
        let mut expected = came.clone();
        for (name, value) in added {
            expected.append(*name, *value);
        }
        let left = left_of(&expected, usize::MAX).expect("it fits");
        let size = usize::MAX - left;
        for (room, expected) in [
            (usize::MAX, &expected),
            (size, &expected),
            (size - 1, &came),
        ] {
            let mut headers = came.clone();
            complete(spelling, &mut headers, &w3c, room);
            assert_eq!(&headers, expected, "{spelling:?}, {room}");
        }
    }
}

#[test]
fn without_fields_nothing_is_added() {
    use opentelemetry::propagation::TextMapCompositePropagator;
    let none = TextMapCompositePropagator::new(Vec::new());
    let none = Instrumentation::builder().with_propagator(none).build();
    let came = map(&[("Traceparent", "1")]);
    let mut headers = came.clone();
    complete(Spelling::Both, &mut headers, &none, usize::MAX);
    assert_eq!(headers, came);
}

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, *value);
    }
    headers
}
