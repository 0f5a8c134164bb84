//! Which of two worlds' current spans a message carries on.

use crate::message::{TRACEPARENT, spans};
use crate::{assert_child, named, subscribe};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use otel_messaging::{current_context, extract, get_context};
use std::collections::BTreeMap;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// What OpenTelemetry has as current, inside the span of `tracing` if there is one.
#[derive(Debug, Clone, Copy)]
enum Attached {
    Nothing,
    Local,
    /// Of a message that is the parent of the span of `tracing`.
    Received,
    /// Of another message.
    Unrelated,
}

#[derive(Debug, PartialEq)]
enum Expected {
    Nothing,
    OfOpenTelemetry,
    OfTracing,
}

fn received(traceparent: &str) -> Context {
    let headers = BTreeMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    extract(&headers)
}

/// (what OpenTelemetry has, whether there is a span of `tracing`, which of them counts)
const MATRIX: [(Attached, bool, Expected); 8] = [
    (Attached::Nothing, false, Expected::Nothing),
    (Attached::Local, false, Expected::OfOpenTelemetry),
    (Attached::Received, false, Expected::OfOpenTelemetry),
    (Attached::Unrelated, false, Expected::OfOpenTelemetry),
    (Attached::Nothing, true, Expected::OfTracing),
    (Attached::Local, true, Expected::OfOpenTelemetry),
    (Attached::Received, true, Expected::OfTracing),
    (Attached::Unrelated, true, Expected::OfOpenTelemetry),
];

#[test]
fn the_span_that_is_nearer_counts() {
    let message = received(TRACEPARENT);
    let other = received(&TRACEPARENT.replace("0af7", "0af8"));
    for activation in [true, false] {
        for (attached, is_traced, expected) in MATRIX {
            let spans = spans();
            let _subscribed = subscribe(&spans, activation);
            let span = if is_traced {
                info_span!("order")
            } else {
                Span::none()
            };
            if is_traced {
                span.set_parent(message.clone()).expect("not started");
            }
            let _entered = span.enter();
            let local = || {
                let tracer = spans.provider.tracer("application");
                Context::new().with_span(tracer.start_with_context("local", &Context::new()))
            };
            let context = match attached {
                Attached::Nothing => None,
                Attached::Local => Some(local()),
                Attached::Received => Some(message.clone()),
                Attached::Unrelated => Some(other.clone()),
            };
            let of_opentelemetry = context.as_ref().map_or(SpanContext::NONE, sender);
            let _attached = context.map(Context::attach);

            let found = sender(&current_context());
            let of_tracing = sender(&span.context());
            let found = if found == SpanContext::NONE {
                Expected::Nothing
            } else if found == of_opentelemetry {
                Expected::OfOpenTelemetry
            } else {
                assert_eq!(found, of_tracing);
                Expected::OfTracing
            };
            assert_eq!(found, expected, "{activation} {attached:?} {is_traced}");
        }
    }
}

fn sender(context: &Context) -> SpanContext {
    context.span().span_context().clone()
}

/// Where only `tracing` knows the span, what was attached since is not forgotten.
#[test]
fn baggage_that_is_attached_inside_the_span_counts() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let entered = info_span!("order").entered();
        let attached = Context::current()
            .with_baggage([KeyValue::new("tenant", "acme")])
            .attach();
        let fields = BTreeMap::from(get_context());
        drop((attached, entered));
        assert_eq!(fields["baggage"], "tenant=acme");
        let order = named(&spans, "order");
        let id = format!("{:016x}", order.span_context.span_id());
        assert_eq!(fields["traceparent"][36..52], id);
        assert_eq!(order.parent_span_id, SpanId::INVALID);
    }
}

/// Asking for the context starts the span, once.
#[test]
fn asking_changes_nothing_else() {
    let spans = spans();
    let _subscribed = subscribe(&spans, false);
    let order = info_span!("order").entered();
    let (first, second) = (current_context(), current_context());
    assert_eq!(sender(&first), sender(&second));
    drop(info_span!("article"));
    drop(order);
    assert_child(&named(&spans, "article"), &sender(&first));
}
