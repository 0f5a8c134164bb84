//! The rules for carriers, held against a plain list of the same headers.

use crate::carried::Carried;
use crate::contexts::{self, Contexts};
use crate::watch;
use otel_messaging::adapter::{CarrierMut, FieldValue};
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
    fn bytes<'a>(key: &[u8], value: &'a Self::Value) -> Option<&'a [u8]>;

    /// Whether a key is a spelling of the name.
    fn is_named(key: &[u8], name: &str) -> bool {
        key.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Which of several values that are not all equal counts; `entries` are those of all names.
    fn settle<'a>(_entries: &'a [Entry<Self>], _name: &str) -> Option<&'a str>
    where
        Self: Sized,
    {
        None
    }

    /// Which of several contexts counts.
    fn contexts<'a>(entries: &'a [Entry<Self>]) -> Contexts<'a>
    where
        Self: Sized,
    {
        let [senders, state, baggage] = FIELDS.map(|name| values::<Self>(entries, name));
        contexts::unordered(&senders, state, baggage)
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
    use otel_messaging::adapter::Carrier;

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
    check_contexts::<C>(headers, &entries);
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

fn check_contexts<C: Client>(headers: &C::Headers, entries: &[Entry<C>]) {
    use otel_messaging::adapter::{Carrier, Contexts as Found};

    // Storage without an order of its own puts several spellings into one.
    let ordered = |lines: &[&str]| {
        let mut lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        if !C::IS_ORDERED {
            lines.sort_unstable();
            lines.dedup();
        }
        lines
    };
    match (headers.contexts(), C::contexts(entries)) {
        (Found::One(found), Contexts::One(expected)) => {
            assert_eq!(found.has_sender(), expected.sender.is_some());
            if found.has_sender() {
                assert_eq!(found.traceparent, expected.sender);
            }
            assert_eq!(ordered(&found.tracestate), ordered(&expected.state));
            assert_eq!(ordered(&found.baggage), ordered(&expected.baggage));
        }
        (Found::Contradicting(sets), Contexts::Contradicting(senders)) => {
            assert_eq!(sets.len(), senders.len().min(8));
            let mut found: Vec<_> = sets.iter().map(|set| set.traceparent).collect();
            assert!(
                found
                    .iter()
                    .all(|one| senders.iter().any(|sender| Some(*sender) == *one))
            );
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), sets.len());
        }
        (found, expected) => panic!("{found:?} is not {expected:?}"),
    }
}

fn check_each<C: Client, const N: usize>(
    headers: &C::Headers,
    entries: &[Entry<C>],
    names: [&str; N],
) {
    use otel_messaging::adapter::Carrier;

    let mut found = None;
    watch::free(|| found = headers.get_each(names));
    let values = names.map(|name| {
        let named = entries.iter().filter(|(key, _)| C::is_named(key, name));
        let values = named.filter_map(|(key, value)| C::bytes(key, value));
        values.collect::<Vec<_>>()
    });
    let expected = values.iter().all(|values| values.len() <= 1);
    let expected = expected.then(|| values.map(|values| values.first().copied()));
    assert_eq!(found, expected, "{names:?}");
}

fn check_set<C: Client>(headers: &C::Headers, entries: &[Entry<C>], name: &str, value: &str) {
    use otel_messaging::adapter::Carrier;

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
        Some(text::<C>(name, value).expect("text").to_owned())
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
        .filter_map(|(key, value)| text::<C>(key, value))
        .collect()
}

/// A value as the carrier reads it.
pub fn text<'a, C: Client>(key: &[u8], value: &'a C::Value) -> Option<&'a str> {
    str::from_utf8(C::bytes(key, value)?).ok()
}

/// The context that these headers carry, held to what they say.
pub fn check_carried<C: Client>(headers: &C::Headers, carried: &Carried) {
    use otel_messaging::adapter::{Carrier, Contexts as Found};

    let [senders, state, baggage] = FIELDS.map(|name| headers.get_all(name).collect::<Vec<_>>());
    let is_single = [&senders, &state, &baggage]
        .iter()
        .all(|lines| lines.len() < 2);
    if is_single {
        carried.check_sender(senders.first().copied());
        carried.check_trace_state(&state);
        carried.check_baggage(&baggage);
        return;
    }
    // Held to the rules in `check_contexts`.
    match headers.contexts() {
        Found::One(set) => {
            carried.check_sender(set.traceparent);
            carried.check_trace_state(&set.tracestate);
            carried.check_baggage(&set.baggage);
        }
        Found::Contradicting(_) => {
            carried.check_sender(None);
            assert!(carried.baggage.is_empty());
        }
        other => panic!("not known: {other:?}"),
    }
}
