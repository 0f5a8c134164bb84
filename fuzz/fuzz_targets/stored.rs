//! `stored`: an input is what stands in a table or a list, where a context or an envelope is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otel_messaging::stored::EnvelopeOrBare;
use otel_messaging::{ContextCarrier, Envelope};
use otel_messaging_fuzz::json::{self, Entry, Json};
use otel_messaging_fuzz::watch;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

const FIELDS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

fuzz_target!(|data: &[u8]| {
    let json = json::read(data);
    context(data, json.as_ref());
    match json {
        Some(Json::Map(entries)) if is_envelope(&entries) => envelope(data, &entries),
        _ => bare(data),
    }
});

/// Reads the input, with what it may cost and the number of fields refused.
fn read<'a, T: Deserialize<'a>>(data: &'a [u8]) -> (serde_json::Result<T>, u64) {
    let refused = otel_messaging::loss::refused_fields();
    let read = watch::bounded(data.len(), data, || serde_json::from_slice(data));
    (read, otel_messaging::loss::refused_fields() - refused)
}

/// What is read of a context, and how much of it is refused.
#[derive(Default, PartialEq, Debug)]
struct Expected {
    fields: BTreeMap<String, String>,
    refused: u64,
}

impl Expected {
    fn of(context: &Json<'_>) -> Self {
        let mut expected = Self::default();
        match context {
            Json::Null => {}
            Json::Map(entries) => expected.add(entries),
            Json::Text(_) | Json::Other => expected.refused = 1,
        }
        expected
    }

    fn add(&mut self, entries: &[Entry<'_>]) {
        let (mut others, mut other_bytes) = (0, 0);
        for entry in entries {
            let (Some(name), Json::Text(Some(value))) = (&entry.name, &entry.value) else {
                self.refused += u64::from(!matches!(entry.value, Json::Null));
                continue;
            };
            let is_kept = if FIELDS.contains(&&name[..]) {
                value.len() <= 8192
            } else {
                let bytes = other_bytes + name.len() + value.len();
                let is_kept = others < 64 && bytes <= 16384;
                if is_kept {
                    (others, other_bytes) = (others + 1, bytes);
                }
                is_kept
            };
            if is_kept {
                self.fields.insert(name.clone(), value.clone());
            } else {
                self.refused += 1;
            }
        }
    }
}

fn context(data: &[u8], json: Option<&Json<'_>>) {
    let (read, refused) = read::<ContextCarrier>(data);
    let Some(json) = json else {
        assert!(read.is_err(), "no JSON, and no error");
        return;
    };
    let carrier = read.expect("no error for any JSON");
    let fields = carrier.clone().into();
    assert_eq!(Expected { fields, refused }, Expected::of(json));
    let written = serde_json::to_string(&carrier).expect("a map");
    let again: ContextCarrier = serde_json::from_str(&written).expect("what was written");
    assert_eq!(again, carrier);
}

fn is_named(entry: &Entry<'_>, name: &str) -> bool {
    entry.name.as_deref() == Some(name)
}

fn is_envelope(entries: &[Entry<'_>]) -> bool {
    let mut keys = ["otel_context", "otel_payload"].into_iter();
    let first = entries.first();
    first.is_some_and(|first| keys.any(|key| is_named(first, key)))
}

/// Whatever stands in the context and beside it, the payload is as it was written.
fn envelope(data: &[u8], entries: &[Entry<'_>]) {
    let of_name = |name| entries.iter().filter(move |entry| is_named(entry, name));
    let mut payloads = of_name("otel_payload");
    let payload = payloads.next();
    let payload = payload.filter(|_| payloads.next().is_none());
    let mut contexts: Vec<_> = of_name("otel_context")
        .map(|entry| Expected::of(&entry.value))
        .collect();
    let mut expected = Expected {
        refused: contexts.iter().map(|context| context.refused).sum(),
        ..Expected::default()
    };
    if contexts.len() > 1 {
        expected.refused += 1;
    } else if let Some(context) = contexts.pop() {
        expected.fields = context.fields;
    }

    let (either, refused) = read::<EnvelopeOrBare<&RawValue>>(data);
    let (certain, refused_certain) = read::<Envelope<&RawValue>>(data);
    let Some(payload) = payload else {
        assert!(
            either.is_err() && certain.is_err(),
            "no payload, or several"
        );
        return;
    };
    let EnvelopeOrBare(either) = either.expect("no error for any context");
    let certain = certain.expect("no error for any context");
    for (envelope, refused) in [(&either, refused), (&certain, refused_certain)] {
        let fields = envelope.context().clone().into();
        assert_eq!(Expected { fields, refused }, expected);
        assert_eq!(envelope.payload().get(), payload.source);
    }
    let written = serde_json::to_string(&certain).expect("JSON");
    let again: Envelope<&RawValue> = serde_json::from_str(&written).expect("what was written");
    assert_eq!(again.context(), certain.context());
    assert_eq!(again.open().get(), payload.source);
}

/// What is no envelope is the payload.
fn bare(data: &[u8]) {
    let (looked_at, _) = read::<EnvelopeOrBare<IgnoredAny>>(data);
    let Ok(value) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    looked_at.expect("a payload that is not looked at is no error");
    let EnvelopeOrBare::<Value>(envelope) = serde_json::from_slice(data).expect("a payload");
    assert!(envelope.context().is_empty());
    assert_eq!(envelope.open(), value);
}
