use super::*;
use crate::native::RawHeader;
use proptest::prelude::*;

fn owned(entries: &[RawHeader<'_>]) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new();
    for entry in entries {
        assert!(native::add(&mut headers, *entry));
    }
    headers
}

fn list(headers: &OwnedHeaders) -> Vec<RawHeader<'_>> {
    native::all(headers.as_borrowed()).collect()
}

/// A copy is made for what is taken away of the caller's, and for nothing else.
#[test]
fn only_what_has_to_be_is_copied() {
    let given = [
        (&b"order"[..], Some(&b"7"[..])),
        (b"Trace\0hidden", Some(b"1")),
    ];
    let mut written = RestorableHeaders::new(Some(owned(&given)));
    for _ in 0..2 {
        written.set("undeclared", "1".into()).expect("written");
    }
    written.remove(&["Undeclared", "baggage"]);
    written.set("baggage", "a=1".into()).expect("written");
    assert!(matches!(written.given, GivenHeaders::First(2)));
    let (headers, given_back) = written.clone().into_parts();
    assert!(matches!(given_back, GivenHeaders::First(2)));
    let restored = given_back.restore(headers).expect("headers");
    assert_eq!(list(&restored), list(&owned(&given)));

    // To librdkafka a name ends at the NUL, but a copy has all of it.
    written.set("trace", "2".into()).expect("written");
    assert_eq!(list(written.headers.as_ref().expect("headers")).len(), 3);
    let (headers, given_back) = written.into_parts();
    let GivenHeaders::Copied(copy) = given_back else {
        panic!("one of the caller's is gone");
    };
    assert_eq!(list(&copy), list(&owned(&given)));
    assert_eq!(
        list(&headers.expect("headers"))[2],
        (&b"trace"[..], Some(&b"2"[..]))
    );
}

proptest! {
    #[test]
    fn headers_come_back_as_they_were(
        given in prop::collection::vec(
            ("[aAbB\\xff]{0,2}", prop::option::of("[a-z]{0,3}")),
            0..6,
        ),
        done in prop::collection::vec(("[aAbB]{1,2}", prop::option::of("[a-z]{0,3}")), 0..6),
    ) {
        let given: Vec<_> = given
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_deref().map(str::as_bytes)))
            .collect();
        let mut written = RestorableHeaders::new(Some(owned(&given)));
        for (name, value) in &done {
            match value {
                Some(value) => written.set(name, value.as_str().into()).expect("written"),
                None => written.remove(&[name]),
            }
        }
        let (headers, given_back) = written.into_parts();
        let restored = given_back.restore(headers).expect("headers");
        prop_assert_eq!(list(&restored), given);
    }
}

proptest! {
    /// What was found in the headers counts until they change, and no longer.
    #[test]
    fn a_survey_says_what_the_headers_do(
        given in prop::collection::vec(
            ("[bB]aggage|traceparent|Tracestate|t|b3|\\PC{0,2}", prop::option::of("[a-z]{0,80}")),
            0..6,
        ),
        names in prop::collection::vec("baggage|Baggage|traceparent|tracestate|b3", 0..3),
        value: Option<u8>,
    ) {
        let given: Vec<_> = given
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_deref().map(str::as_bytes)))
            .collect();
        let mut written = RestorableHeaders::new(Some(owned(&given)));
        let mut plain = owned(&given);
        let names: Vec<_> = names.iter().map(|name| &**name).collect();
        let lefts = |written: &RestorableHeaders, plain: &OwnedHeaders| {
            [0, 20, usize::MAX].map(|room| (written.left_of(room), plain.left_of(room)))
        };
        for (of_written, of_plain) in lefts(&written, &plain) {
            prop_assert_eq!(of_written, of_plain);
        }
        written.remove(&names);
        plain.remove(&names);
        if let Some(value) = value {
            let value = value.to_string();
            written.add("traceparent", (&*value).into()).expect("written");
            plain.add("traceparent", (&*value).into()).expect("written");
        }
        for (of_written, of_plain) in lefts(&written, &plain) {
            prop_assert_eq!(of_written, of_plain);
        }
        let headers = written.headers.expect("headers");
        prop_assert_eq!(list(&headers), list(&plain));
    }
}

/// A producer that has nothing to write does not make headers.
#[test]
fn headers_that_nobody_gave_are_made_when_one_is_written() {
    let mut written = RestorableHeaders::new(None);
    written.remove(&["traceparent"]);
    assert!(written.headers.is_none());
    let (headers, given) = written.clone().into_parts();
    assert!(headers.is_none() && given.restore(headers).is_none());

    written.set("traceparent", "00-".into()).expect("written");
    let (headers, given) = written.clone().into_parts();
    assert_eq!(headers.as_ref().map(OwnedHeaders::count), Some(1));
    assert!(given.restore(headers).is_none());

    written.remove(&["traceparent"]);
    assert!(written.into_parts().0.is_none());
}
