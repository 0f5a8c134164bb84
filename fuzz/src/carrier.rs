//! The rules for carriers, held against a plain list of the same headers.

use crate::carried::Carried;
use crate::watch;
use otel_messaging::{CarrierMut, FieldValue};
use std::fmt::Debug;

/// The fields of the W3C pair.
pub const FIELDS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// A header: its name and its value.
pub type Entry<C> = (Vec<u8>, <C as Client>::Value);

/// What is to be known of a client's headers beside the carrier itself.
pub trait Client {
    /// The adapter's marker.
    type Marker;
    /// The client's headers.
    type Headers: CarrierMut<Self::Marker> + Clone;
    /// The value of a header.
    type Value: Clone + PartialEq + Debug;

    /// Whether headers of differing names have an order.
    const IS_ORDERED: bool = true;

    /// All headers in the order of the message, or where it has none, by name.
    fn entries(headers: &Self::Headers) -> Vec<Entry<Self>>
    where
        Self: Sized;

    /// A value as the carrier reads it, unless it is null or of another type than text.
    fn bytes(value: &Self::Value) -> Option<&[u8]>;

    /// Whether a key is a spelling of the name.
    fn is_named(key: &[u8], name: &str) -> bool {
        key.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Which of several values that are not all equal counts; `entries` are those of all names.
    fn settle<'a>(entries: &'a [Entry<Self>], name: &str) -> Option<&'a str>
    where
        Self: Sized,
    {
        let is_context = name.eq_ignore_ascii_case("traceparent");
        Self::context(entries)
            .filter(|_| is_context)
            .map(|(sender, _)| sender)
    }

    /// Which of several traceparents that are not all equal counts, and its lines of tracestate.
    fn context<'a>(_entries: &'a [Entry<Self>]) -> Option<(&'a str, Vec<&'a str>)>
    where
        Self: Sized,
    {
        None
    }

    /// Whether the protocol can represent this header.
    fn takes(name: &str, value: &str) -> bool;
}

/// Names that somebody may ask for, beside the fields: other spellings, and nonsense.
const NAMES: [&str; 8] = [
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

/// Reads, replaces and removes headers, some of which are there.
pub fn check_access<C: Client>(input: &[u8], headers: &C::Headers) {
    use otel_messaging::Carrier;

    let entries = C::entries(headers);
    let keys: Vec<_> = entries
        .iter()
        .filter_map(|(name, _)| str::from_utf8(name).ok())
        .collect();
    let long = "x".repeat(256);
    // Not all of them, or there are only some hundred inputs a second.
    let seed = input.iter().map(|byte| usize::from(*byte)).sum::<usize>();
    let others = [NAMES[seed % NAMES.len()], &long];
    let own = keys.iter().copied().skip(seed % (keys.len() + 1)).take(2);
    let names: Vec<_> = FIELDS.into_iter().chain(others).chain(own).collect();
    for (round, name) in names.iter().enumerate() {
        let mut found = Vec::with_capacity(entries.len());
        // Storage without an order of its own has to put several spellings into one.
        let sorted = if C::IS_ORDERED { 0 } else { entries.len() };
        watch::sorting(sorted, || found.extend(headers.get_all(name)));
        let mut expected = values::<C>(&entries, name);
        if !C::IS_ORDERED {
            found.sort_unstable();
            expected.sort_unstable();
        }
        assert_eq!(found, expected, "{name:?}");

        let mut value = None;
        watch::sorting(sorted, || value = headers.get(name));
        let equal = expected.iter().all(|value| *value == expected[0]);
        let counts = match expected.first() {
            Some(first) if equal => Some(*first),
            Some(_) => C::settle(&entries, name),
            None => None,
        };
        assert_eq!(value, counts, "{name:?}");
        check_set::<C>(
            headers,
            &entries,
            name,
            VALUES[(seed + round) % VALUES.len()],
        );
        check_removed::<C>(headers, &entries, &[name]);
        let pair = [name, names[round / 2]];
        if !C::is_named(name.as_bytes(), pair[1]) && !C::is_named(pair[1].as_bytes(), name) {
            check_each::<C, _>(headers, &entries, pair);
        }
    }
    let senders = values::<C>(&entries, "traceparent");
    if senders.iter().any(|sender| *sender != senders[0]) {
        assert_eq!(headers.settled(), C::context(&entries));
    }
    check_removed::<C>(headers, &entries, &FIELDS);
    check_removed::<C>(headers, &entries, &names);
    check_each::<C, _>(headers, &entries, FIELDS);
    check_each::<C, _>(headers, &entries, []);

    let mut found = Vec::with_capacity(entries.len());
    watch::free(|| found.extend(headers.keys()));
    let distinct = |mut keys: Vec<&str>| {
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(distinct(found), distinct(keys));
}

fn check_each<C: Client, const N: usize>(
    headers: &C::Headers,
    entries: &[Entry<C>],
    names: [&str; N],
) {
    use otel_messaging::Carrier;

    let mut found = None;
    watch::free(|| found = headers.get_each(names));
    let values = names.map(|name| {
        let named = entries.iter().filter(|(key, _)| C::is_named(key, name));
        let values = named.filter_map(|(_, value)| C::bytes(value));
        values.collect::<Vec<_>>()
    });
    let expected = values.iter().all(|values| values.len() <= 1);
    let expected = expected.then(|| values.map(|values| values.first().copied()));
    assert_eq!(found, expected, "{names:?}");
}

fn check_set<C: Client>(headers: &C::Headers, entries: &[Entry<C>], name: &str, value: &str) {
    use otel_messaging::Carrier;

    let mut written = headers.clone();
    let answer = written.set(name, FieldValue::from(value));
    assert_eq!(answer.is_ok(), C::takes(name, value), "{name:?} {value:?}");
    assert_eq!(rest::<C>(&written, &[name]), without::<C>(entries, &[name]));
    let found: Vec<_> = written.get_all(name).collect();
    if answer.is_ok() {
        assert_eq!(found, [value], "{name:?}");
        let entries = C::entries(&written);
        let mut named = entries.iter().filter(|(key, _)| C::is_named(key, name));
        assert!(named.all(|(key, _)| key == name.as_bytes()), "{name:?}");
    } else {
        assert_eq!(found, [""; 0], "{name:?}");
    }
}

fn check_removed<C: Client>(headers: &C::Headers, entries: &[Entry<C>], names: &[&str]) {
    let mut removed = headers.clone();
    removed.remove(names);
    assert_eq!(C::entries(&removed), without::<C>(entries, names));
}

/// What was written of each field: there once or not at all, in this spelling alone.
pub fn written<C: Client>(headers: &C::Headers) -> [Option<String>; 3] {
    let entries = C::entries(headers);
    FIELDS.map(|field| {
        let mut named = entries.iter().filter(|(key, _)| C::is_named(key, field));
        let (name, value) = named.next()?;
        assert_eq!(name, field.as_bytes());
        assert_eq!(named.next(), None, "{field} stands there twice");
        Some(text::<C>(value).expect("text").to_owned())
    })
}

/// All headers but those of these names.
pub fn rest<C: Client>(headers: &C::Headers, names: &[&str]) -> Vec<Entry<C>> {
    without::<C>(&C::entries(headers), names)
}

/// All of these headers but those of these names.
pub fn without<C: Client>(entries: &[Entry<C>], names: &[&str]) -> Vec<Entry<C>> {
    let entries = entries.iter();
    entries
        .filter(|(key, _)| !names.iter().any(|name| C::is_named(key, name)))
        .cloned()
        .collect()
}

/// The readable values of a name.
pub fn values<'a, C: Client>(entries: &'a [Entry<C>], name: &str) -> Vec<&'a str> {
    let entries = entries.iter();
    entries
        .filter(|(key, _)| C::is_named(key, name))
        .filter_map(|(_, value)| text::<C>(value))
        .collect()
}

fn text<C: Client>(value: &C::Value) -> Option<&str> {
    str::from_utf8(C::bytes(value)?).ok()
}

/// The context that these headers carry, held to what they say.
pub fn check_carried<C: Client>(headers: &C::Headers, carried: &Carried) {
    use crate::carried::common;
    use otel_messaging::Carrier;

    let senders: Vec<_> = headers.get_all("traceparent").collect();
    let sender = headers.get("traceparent").or_else(|| common(&senders));
    carried.check_sender(sender);
    // Where a carrier offers one of several senders, the tracestate is that one's.
    if senders.len() < 2 {
        let mut lines: Vec<_> = headers.get_all("tracestate").collect();
        // Pipelines that append send the same context twice.
        lines.dedup();
        carried.check_trace_state(&lines);
    }
    carried.check_baggage(&headers.get_all("baggage").collect::<Vec<_>>());
}
