//! The rules for carriers, held against a plain list of the same headers.

use crate::carried::Carried;
use crate::w3c;
use crate::watch;
use allocation_counter::measure;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use otel_messaging::{Carrier, CarrierMut, Instrumentation};
use std::fmt::Debug;

/// The fields of the W3C pair.
pub const FIELDS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// What is to be known of a client's headers beside the carrier itself.
pub trait Client {
    /// The adapter's marker.
    type Marker;
    /// The client's headers.
    type Headers: CarrierMut<Self::Marker> + Clone;
    /// The value of a header.
    type Value: Clone + PartialEq + Debug;

    /// All headers in the order of the message, or where it has none, by name.
    fn entries(headers: &Self::Headers) -> Vec<(Vec<u8>, Self::Value)>;

    /// A value as the carrier reads it.
    fn text(value: &Self::Value) -> Option<&str>;

    /// Which of the values of a name counts.
    fn one_of<'a>(values: &[&'a str]) -> Option<&'a str>;

    /// Whether the protocol can represent this header.
    fn takes(name: &str, value: &str) -> bool;
}

/// Names that somebody may ask for: the fields, other spellings, and nonsense.
const NAMES: [&str; 11] = [
    "traceparent",
    "tracestate",
    "baggage",
    "Traceparent",
    "TRACESTATE",
    "",
    "a b",
    "a:b",
    "x\0y",
    "x\r\ny",
    "\u{fc}",
];

/// Values that somebody may write.
const VALUES: [&str; 5] = ["", "new", "a\r\nb: c", "x\0y", "\u{fc}"];

/// Reads, replaces and removes every header, and some that are not there.
pub fn check_access<C: Client>(headers: &C::Headers) {
    let entries = C::entries(headers);
    let keys: Vec<_> = entries
        .iter()
        .filter_map(|(name, _)| str::from_utf8(name).ok())
        .collect();
    let long = "x".repeat(256);
    let names = NAMES.into_iter().chain([long.as_str()]);
    for (round, name) in names.chain(keys.iter().copied().take(8)).enumerate() {
        let expected: Vec<_> = entries
            .iter()
            .filter(|(key, _)| is_named(key, name))
            .filter_map(|(_, value)| C::text(value))
            .collect();
        watch::free(|| {
            let mut expected = expected.iter().copied();
            for value in headers.get_all(name) {
                assert_eq!(Some(value), expected.next(), "{name:?}");
            }
            assert_eq!(None, expected.next(), "{name:?}");
        });
        let mut value = None;
        watch::free(|| value = headers.get(name));
        assert_eq!(value, C::one_of(&expected), "{name:?}");
        check_set::<C>(headers, &entries, name, VALUES[round % VALUES.len()]);
        check_removed::<C>(headers, &entries, name);
    }
    let mut found = Vec::with_capacity(entries.len());
    watch::free(|| found.extend(headers.keys()));
    found.sort_unstable();
    found.dedup();
    let mut keys = keys;
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(found, keys);
}

fn check_set<C: Client>(
    headers: &C::Headers,
    entries: &[(Vec<u8>, C::Value)],
    name: &str,
    value: &str,
) {
    let mut written = headers.clone();
    let answer = written.set(name, value.to_owned());
    assert_eq!(answer.is_ok(), C::takes(name, value), "{name:?} {value:?}");
    assert_eq!(rest::<C>(&written, &[name]), without::<C>(entries, &[name]));
    let found: Vec<_> = written.get_all(name).collect();
    if answer.is_ok() {
        assert_eq!(found, [value], "{name:?}");
        let exact = C::entries(&written);
        let exact = exact.iter().filter(|(key, _)| key == name.as_bytes());
        assert_eq!(exact.count(), 1, "{name:?}");
    } else {
        assert_eq!(found, [""; 0], "{name:?}");
    }
}

fn check_removed<C: Client>(headers: &C::Headers, entries: &[(Vec<u8>, C::Value)], name: &str) {
    let mut removed = headers.clone();
    removed.remove(name);
    assert_eq!(C::entries(&removed), without::<C>(entries, &[name]));
}

/// Extracts, sends on, and sends on again.
pub fn check_relay<C: Client>(input: &[u8], headers: &C::Headers) {
    let us = Instrumentation::default();
    let entries = C::entries(headers);
    let copy = usize::try_from(measure(|| drop(headers.clone())).bytes_total).expect("a size");
    let extract = |headers| watch::bounded(input.len(), input, || us.extract(headers));
    let inject = |context: &Context, headers: &mut C::Headers| {
        watch::bounded(input.len() + copy, input, || us.inject(context, headers));
        assert_eq!(rest::<C>(headers, &FIELDS), without::<C>(&entries, &FIELDS));
    };

    let context = extract(headers);
    let carried = Carried::of(&context);
    carried.check_sender(headers.get("traceparent"));
    // Where a carrier offers one of several senders, the tracestate is that one's.
    if headers.get_all("traceparent").count() < 2 {
        carried.check_trace_state(&headers.get_all("tracestate").collect::<Vec<_>>());
    }
    carried.check_baggage(&headers.get_all("baggage").collect::<Vec<_>>());

    let mut relayed = headers.clone();
    inject(&context, &mut relayed);
    let fields = FIELDS.map(|field| written::<C>(&relayed, field));
    let [sender, state, baggage] = fields.each_ref().map(Option::as_deref);
    w3c::check_written(sender, state, baggage);

    let context = extract(&relayed);
    carried.check_relayed(&Carried::of(&context));
    let once = C::entries(&relayed);
    inject(&context, &mut relayed);
    assert_eq!(C::entries(&relayed), once);

    inject(&Context::new(), &mut relayed);
    assert_eq!(C::entries(&relayed), without::<C>(&entries, &FIELDS));
}

/// Extracts and sends on with the propagators of OpenTelemetry's SDK, which accept and write what
/// the rules refuse.
pub fn check_relay_by_others<C: Client>(headers: &C::Headers) {
    let others = Instrumentation::default().with_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]));
    let entries = C::entries(headers);
    let mut relayed = headers.clone();
    others.inject(&others.extract(headers), &mut relayed);
    assert_eq!(
        rest::<C>(&relayed, &FIELDS),
        without::<C>(&entries, &FIELDS)
    );
    for field in FIELDS {
        written::<C>(&relayed, field);
    }
}

/// The value of a field that was written: there once or not at all, in this spelling alone.
fn written<C: Client>(headers: &C::Headers, field: &str) -> Option<String> {
    let entries = C::entries(headers);
    let mut fields = entries.iter().filter(|(key, _)| is_named(key, field));
    let (name, value) = fields.next()?;
    assert_eq!(name, field.as_bytes());
    assert_eq!(fields.next(), None, "{field} stands there twice");
    let value = C::text(value);
    Some(value.expect("text").to_owned())
}

fn rest<C: Client>(headers: &C::Headers, names: &[&str]) -> Vec<(Vec<u8>, C::Value)> {
    without::<C>(&C::entries(headers), names)
}

fn without<C: Client>(entries: &[(Vec<u8>, C::Value)], names: &[&str]) -> Vec<(Vec<u8>, C::Value)> {
    let entries = entries.iter();
    entries
        .filter(|(key, _)| !names.iter().any(|name| is_named(key, name)))
        .cloned()
        .collect()
}

fn is_named(key: &[u8], name: &str) -> bool {
    key.eq_ignore_ascii_case(name.as_bytes())
}
