use super::*;
use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use otel_messaging::Instrumentation;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

#[test]
fn both_spellings_are_written_in_place_of_any() {
    let mut headers = HeaderMap::new();
    headers.insert("TraceParent", "old");
    headers.insert("Order", "7");
    let mut both = Spelled::new(Spelling::Both, headers, None);
    both.set("traceparent", "new".into()).expect("it is legal");
    let refused = both.set("baggage", "a\nb".into());
    assert_eq!(refused, Err(CarrierError::InvalidValue));
    let mut expected = HeaderMap::new();
    expected.insert("Traceparent", "new");
    expected.insert("traceparent", "new");
    expected.insert("Order", "7");
    assert_eq!(both.headers, expected);
}

/// A field may be written twice, unless it is known that it is not.
#[test]
fn a_context_has_half_of_the_room_where_it_is_written_twice() {
    for (spelling, left) in [
        (Spelling::AsReceived, 50),
        (Spelling::Lower, 100),
        (Spelling::Both, 50),
    ] {
        let headers = map(&[("order", "7")]);
        let taken = usize::MAX - wire_size::left_of(&headers, usize::MAX).expect("it fits");
        let mut spelled = Spelled::new(spelling, headers, None);
        assert_eq!(spelled.left_of(taken + 100), Some(left), "{spelling:?}");
        assert_eq!(spelled.left_of(taken - 1), None, "{spelling:?}");
        // Nothing came in title case.
        spelled.remove(&["traceparent"]);
        let left = if spelling == Spelling::Both { 50 } else { 100 };
        assert_eq!(spelled.left_of(taken + 100), Some(left), "{spelling:?}");
    }
}

/// As a Go service writes them; other capitals say nothing of who reads them.
#[test]
fn a_field_in_title_case_is_told_from_others() {
    let w3c = Instrumentation::builder()
        .with_propagator(otel_messaging::propagation::w3c())
        .build();
    for (name, is_both) in [
        ("Traceparent", true),
        ("Tracestate", true),
        ("Baggage", true),
        ("traceparent", false),
        ("TRACEPARENT", false),
        ("TraceParent", false),
        ("Xraceparent", false),
        ("Nats-Msg-Id", false),
        ("Order", false),
        ("B3", false),
    ] {
        let came = map(&[("order", "7"), (name, "7")]);
        for (spelling, expected) in [
            (Spelling::AsReceived, is_both),
            (Spelling::Lower, false),
            (Spelling::Both, true),
        ] {
            for asked in [None, Some(&came)] {
                let headers = if asked.is_some() {
                    HeaderMap::new()
                } else {
                    came.clone()
                };
                let mut headers = Spelled::new(spelling, headers, asked);
                w3c.inject(&context(), &mut headers);
                let headers = headers.headers;
                assert!(headers.get("traceparent").is_some());
                let title = headers.get("Traceparent");
                assert_eq!(
                    title.is_some(),
                    expected,
                    "{spelling:?}, {name}: {headers:?}"
                );
            }
        }
    }
}

/// Two fields, one not in lower case, that are counted when they are asked for.
#[derive(Debug, Default)]
struct Others(Arc<AtomicUsize>);

impl TextMapPropagator for Others {
    fn inject_context(&self, _: &Context, injector: &mut dyn Injector) {
        injector.set("b3", "7".to_owned());
    }

    fn extract_with_context(&self, context: &Context, _: &dyn Extractor) -> Context {
        context.clone()
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: LazyLock<[String; 2]> =
            LazyLock::new(|| ["b3", "X-B3-TraceId"].map(str::to_owned));
        self.0.fetch_add(1, Ordering::Relaxed);
        FieldIter::new(FIELDS.as_slice())
    }
}

/// Capitals of other headers do not make it be asked once more.
#[test]
fn the_propagators_fields_are_those_that_it_is_asked_for_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let by = Instrumentation::builder()
        .with_propagator(Others(Arc::clone(&asked)))
        .build();
    for (name, is_both) in [
        ("B3", true),
        ("X-B3-Traceid", true),
        ("X-B3-TraceId", false),
        ("Traceparent", false),
        ("Nats-Msg-Id", false),
        ("Order", false),
    ] {
        asked.store(0, Ordering::Relaxed);
        let mut headers = Spelled::new(Spelling::AsReceived, map(&[(name, "1")]), None);
        by.inject(&context(), &mut headers);
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{name}");
        let found = ["b3", "B3"].map(|name| headers.headers.get(name).is_some());
        assert_eq!(found, [true, is_both], "{name}");
    }
}

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, *value);
    }
    headers
}

fn context() -> Context {
    let mut headers = HeaderMap::new();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    headers.insert("traceparent", traceparent);
    crate::extract(&headers)
}

/// Of another propagator, readers in other languages look for the name as it spells it.
#[test]
fn a_propagators_own_spelling_is_one_of_both() {
    let mut both = Spelled::new(Spelling::Both, HeaderMap::new(), None);
    for name in ["X-B3-TraceId", "b3", "Uber-Trace-Id"] {
        both.set(name, "7".into()).expect("it is legal");
    }
    let mut names: Vec<_> = Carrier::keys(&both.headers).collect();
    names.sort_unstable();
    let expected = ["B3", "Uber-Trace-Id", "X-B3-TraceId", "X-B3-Traceid", "b3"];
    assert_eq!(names, expected);
}
