//! A context that is stored and taken up again.

use crate::message::message;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};
use otel_messaging::{ContextCarrier, attach_context, extract, get_context};
use std::collections::BTreeMap;

#[test]
fn a_stored_context_is_taken_up_elsewhere() {
    let sender = extract(&message().headers);
    let carrier = {
        let baggage = [KeyValue::new("tenant", "acme corp")];
        let _attached = sender.with_baggage(baggage).attach();
        get_context()
    };
    let worker = std::thread::spawn(move || {
        let _attached = attach_context(&carrier);
        let current = Context::current();
        let tenant = current
            .baggage()
            .get("tenant")
            .map(|value| value.to_string());
        (current.span().span_context().trace_id(), tenant)
    });
    let (trace_id, tenant) = worker.join().expect("no panic");
    assert_eq!(trace_id, sender.span().span_context().trace_id());
    assert_eq!(tenant.as_deref(), Some("acme corp"));
}

#[test]
fn it_is_a_map_that_can_be_kept_anywhere() {
    let _attached = extract(&message().headers).attach();
    let stored = BTreeMap::from(get_context());
    assert_eq!(stored, message().headers);
    let carrier = ContextCarrier::from(stored);
    assert_eq!(carrier, get_context());
}

#[cfg(feature = "serde")]
#[test]
fn with_serde_it_is_a_map_of_strings() {
    let _attached = extract(&message().headers).attach();
    let stored = serde_json::to_string(&get_context()).expect("a map");
    assert_eq!(
        stored,
        format!(r#"{{"traceparent":"{}"}}"#, crate::message::TRACEPARENT)
    );
    let carrier: ContextCarrier = serde_json::from_str(&stored).expect("a map");
    assert_eq!(carrier, get_context());

    // Written by others: unknown and malformed fields read as absent.
    let other = r#"{"Traceparent":"00-1-2-1","order":"7"}"#;
    let carrier: ContextCarrier = serde_json::from_str(other).expect("a map");
    assert!(!carrier.context().span().span_context().is_valid());
    assert!(serde_json::from_str::<ContextCarrier>("[1]").is_err());
}
