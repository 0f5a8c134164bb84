//! `stored`: an input is what stands in a table or a list, where a context or an envelope is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otel_messaging::{ContextCarrier, Envelope, EnvelopeOrBare};
use otel_messaging_fuzz::watch;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::BTreeMap;

const FIELDS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

fuzz_target!(|data: &[u8]| {
    let json: Option<Value> = serde_json::from_slice(data).ok();
    context(data, json.as_ref());
    envelope(data, json);
});

fn context(data: &[u8], json: Option<&Value>) {
    let refused = otel_messaging::refused_fields();
    let read = watch::bounded(data.len(), data, || {
        serde_json::from_slice::<ContextCarrier>(data)
    });
    let refused = otel_messaging::refused_fields() - refused;
    let Ok(carrier) = read else {
        // Only what is no JSON is an error. Numbers that are too large for a value may be either.
        assert!(json.is_none(), "an error for {json:?}");
        return;
    };
    let fields = BTreeMap::from(carrier.clone());
    let others = fields
        .iter()
        .filter(|(name, _)| !FIELDS.contains(&name.as_str()));
    let (count, bytes) = others.fold((0, 0), |(count, bytes), (name, value)| {
        (count + 1, bytes + name.len() + value.len())
    });
    assert!(
        count <= 64 && bytes <= 16384,
        "{count} entries of {bytes} bytes"
    );
    for field in FIELDS {
        assert!(fields.get(field).is_none_or(|value| value.len() <= 8192));
    }
    // What is skipped need not be UTF-8, and as a value it has to be.
    if let Some(Value::Object(entries)) = json {
        let texts = entries
            .iter()
            .filter(|(_, value)| value.is_string())
            .count();
        assert!(fields.len() == texts || refused > 0, "nothing was counted");
        for (name, value) in &fields {
            // Of a name that stands there twice, another value may have been too large.
            assert!(entries[name] == **value || refused > 0, "{name:?}");
        }
    } else if json.is_some() {
        assert!(fields.is_empty());
    }
    let written = serde_json::to_string(&carrier).expect("a map");
    let again: ContextCarrier = serde_json::from_str(&written).expect("what was written");
    assert_eq!(again, carrier);
}

fn envelope(data: &[u8], json: Option<Value>) {
    let bounded = watch::bounded(data.len(), data, || {
        serde_json::from_slice::<EnvelopeOrBare<IgnoredAny>>(data)
    });
    let read = serde_json::from_slice::<EnvelopeOrBare<Value>>(data);
    let Some(json) = json else { return };
    let Ok(EnvelopeOrBare(envelope)) = read else {
        let error = "an error for what is no envelope";
        assert!(
            json.get("otel_context")
                .or(json.get("otel_payload"))
                .is_some(),
            "{error}"
        );
        return;
    };
    assert!(
        bounded.is_ok(),
        "a payload that is not looked at is no error"
    );
    let inside = json.get("otel_payload");
    let context = envelope.context().clone();
    let payload = envelope.open();
    if payload == json {
        assert!(context.is_empty() || inside == Some(&json));
    } else {
        assert_eq!(Some(&payload), inside);
    }
    let written = serde_json::to_string(&Envelope::with_context(&payload, context.clone()));
    let written = written.expect("JSON");
    let again: Envelope<Value> = serde_json::from_str(&written).expect("what was written");
    assert_eq!(again.context(), &context);
    assert_eq!(again.open(), payload);
}
