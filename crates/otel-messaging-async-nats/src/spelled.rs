//! Headers into which a context is written, in one spelling of its names or in both.

use crate::headers::Nats;
use crate::injection::left_beside;
use crate::spelling::{Spelling, text};
use async_nats::HeaderMap;
use otel_messaging::{Carrier, CarrierError, CarrierMut, FieldValue};

/// Headers to which each field is written in one spelling or in both.
///
/// With [`Spelling::AsReceived`] that shows when the old fields are removed, which tells their names:
/// the propagator need not be asked for them once more.
#[derive(Debug, Clone)]
pub(crate) struct Spelled<'a> {
    pub(crate) headers: HeaderMap,
    /// The request that is answered: the one who asks reads as it writes.
    asked: Option<&'a HeaderMap>,
    spelling: Spelling,
    /// `None` as long as nothing was removed.
    is_both: Option<bool>,
}

impl<'a> Spelled<'a> {
    pub(crate) fn new(
        spelling: Spelling,
        headers: HeaderMap,
        asked: Option<&'a HeaderMap>,
    ) -> Self {
        let is_both = match spelling {
            Spelling::AsReceived => None,
            Spelling::Lower => Some(false),
            Spelling::Both => Some(true),
        };
        Self {
            headers,
            asked,
            spelling,
            is_both,
        }
    }

    /// What is left of the room for a context, in bytes; `None` if the headers are too large already.
    pub(crate) fn left(&self, room: usize) -> Option<usize> {
        let left = left_beside(&self.headers, room)?;
        // Whatever is written may take twice its size.
        Some(if self.is_both == Some(false) {
            left
        } else {
            left / 2
        })
    }
}

impl Carrier<Nats> for Spelled<'_> {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        Carrier::get_all(&self.headers, name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        Carrier::keys(&self.headers)
    }
}

impl CarrierMut<Nats> for Spelled<'_> {
    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        if self.is_both == Some(true) {
            let canonical = canonical(name);
            if canonical != name {
                self.headers.add(&canonical, value.clone())?;
            }
        }
        self.headers.add(name, value)
    }

    #[inline]
    fn remove(&mut self, names: &[&str]) {
        if self.spelling == Spelling::AsReceived && self.is_both != Some(true) {
            let came = [Some(&self.headers), self.asked];
            let is_both = came.into_iter().flatten().any(|came| has_any(came, names));
            self.is_both = Some(is_both);
        }
        self.headers.remove(names);
    }
}

/// Whether one of the fields stands in these headers as Go spells it.
fn has_any(headers: &HeaderMap, fields: &[&str]) -> bool {
    let is_any = |key: &str| fields.iter().any(|field| is_title_case(key, field));
    headers.iter().any(|(key, _)| is_any(text(key)))
}

/// Whether the key is this field as Go spells it; other capitals say nothing of who reads them.
fn is_title_case(key: &str, field: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_uppercase())
        && key.eq_ignore_ascii_case(field)
        && in_title_case(key).eq(key.chars())
}

/// A name as Go's `textproto.CanonicalMIMEHeaderKey` spells it: each part between hyphens begins
/// with a capital. A name that is no token (RFC 7230, section 3.2.6) stays as it is.
pub(crate) fn canonical(name: &str) -> String {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(is_token) {
        return name.to_owned();
    }
    in_title_case(name).collect()
}

fn in_title_case(name: &str) -> impl Iterator<Item = char> {
    let mut starts = true;
    name.chars().map(move |c| {
        let spelled = if starts {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        };
        starts = c == '-';
        spelled
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::Context;
    use opentelemetry::propagation::text_map_propagator::FieldIter;
    use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
    use otel_messaging::Instrumentation;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, LazyLock};

    #[test]
    fn names_are_spelled_as_go_does() {
        for (name, expected) in [
            ("traceparent", "Traceparent"),
            ("X-B3-TraceId", "X-B3-Traceid"),
            ("b3", "B3"),
            ("uber-trace-id", "Uber-Trace-Id"),
            ("x--y-", "X--Y-"),
            ("1a_b", "1a_b"),
            ("a b", "a b"),
            ("ä-b", "ä-b"),
        ] {
            assert_eq!(canonical(name), expected);
        }
    }

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

    /// As a Go service writes them; other capitals say nothing of who reads them.
    #[test]
    fn a_field_in_title_case_is_told_from_others() {
        let w3c = Instrumentation::default().with_propagator(otel_messaging::propagation::w3c());
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
        let by = Instrumentation::default().with_propagator(Others(Arc::clone(&asked)));
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
}
