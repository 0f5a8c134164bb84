//! Where there is no span of our own, the caller's is left alone and what came in goes out.

use crate::message::{NOWHERE, TRACEPARENT, message, spans};
use opentelemetry::Context;
use opentelemetry::trace::{Span, TraceContextExt, Tracer, TracerProvider};
use otel_messaging::adapter::Outcome;

use std::collections::BTreeMap;

#[test]
fn suppressed_telemetry_makes_no_span_and_writes_nothing() {
    let spans = spans();
    let caller = Context::new().with_span(spans.provider.tracer("caller").start("caller"));
    let attached = caller.with_telemetry_suppressed().attach();
    let mut headers = BTreeMap::from([("traceparent".to_owned(), TRACEPARENT.to_owned())]);
    let sending = spans.instrumentation.outgoing("send", &NOWHERE);
    sending.inject(&mut headers, None);
    sending.finish(Outcome::failed("refused", &"no such topic"));
    let sending = spans.instrumentation.outgoing("send", &NOWHERE);
    sending.finish(Outcome::Accepted(&|answer| answer.set("order", 7)));
    assert_eq!(headers["traceparent"], TRACEPARENT);
    drop(spans.instrumentation.process(&message()));
    assert!(spans.ended().is_empty(), "the caller's span goes on");
    drop(attached);

    caller.span().end();
    let span = spans.only();
    assert_eq!(span.name, "caller");
    assert!(span.attributes.is_empty());
    assert_eq!(span.status, opentelemetry::trace::Status::Unset);
}

#[test]
fn suppression_is_kept_for_the_handler() {
    let (spans, message) = (spans(), message());
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    let processing = spans.instrumentation.process(&message);
    assert!(processing.context().is_telemetry_suppressed());
}

#[test]
fn after_shutdown_what_came_in_goes_out() {
    let spans = spans();
    spans.provider.shutdown().expect("in memory");
    let message = message();
    let _entered = spans.instrumentation.process(&message).enter();
    let mut headers = BTreeMap::new();
    let sending = spans.instrumentation.outgoing("send", &NOWHERE);
    sending.inject(&mut headers, None);
    assert_eq!(headers["traceparent"], TRACEPARENT);
}

#[test]
fn without_a_span_a_stale_context_is_removed() {
    let mut headers = message().headers;
    headers.insert("Baggage".to_owned(), "tenant=acme".to_owned());
    headers.insert("order".to_owned(), "7".to_owned());
    otel_messaging::inject(&Context::new(), &mut headers);
    assert_eq!(
        headers,
        BTreeMap::from([("order".to_owned(), "7".to_owned())])
    );
}

#[test]
fn a_dropped_publish_ends_its_span_with_its_status_unset() {
    let spans = spans();
    let mut outer = spans.provider.tracer("caller").start("outer");
    drop(spans.instrumentation.outgoing("send", &NOWHERE));
    assert_eq!(spans.only().status, opentelemetry::trace::Status::Unset);
    outer.end();
}
