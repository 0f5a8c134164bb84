//! How the span of a message's handling stands to the spans around it.

use crate::message::{Message, Spans, TRACEPARENT, message, spans};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::instrumentation::Relation;
use std::collections::BTreeMap;

/// A message with baggage and, if wanted, a sender.
fn with_baggage(has_sender: bool) -> Message {
    let mut fields = BTreeMap::from([("baggage".to_owned(), "tenant=acme".to_owned())]);
    if has_sender {
        fields.insert("traceparent".to_owned(), TRACEPARENT.to_owned());
    }
    Message { headers: fields }
}

/// Handles a message by this relation inside another span. Says which span that was, and which tenant was
/// current in the handler.
fn handled(
    spans: &Spans,
    relation: Relation,
    message: &Message,
) -> (SpanData, SpanContext, Option<String>) {
    let by = spans.instrumentation.to_builder();
    let by = by.with_relation(relation).build();
    let tracer = spans.provider.tracer("test");
    let around = tracer.in_span("around", |around| {
        let entered = by.process(message).enter();
        let tenant = entered.context().baggage().get("tenant");
        let tenant = tenant.map(ToString::to_string);
        drop(entered);
        (around.span().span_context().clone(), tenant)
    });
    let mut ended = spans.ended().into_iter();
    let processed = ended.find(|span| span.name == "process orders");
    (processed.expect("a span"), around.0, around.1)
}

fn links(span: &SpanData) -> Vec<SpanId> {
    let links = span.links.iter();
    links.map(|link| link.span_context.span_id()).collect()
}

fn sender() -> SpanContext {
    let context = otel_messaging::extract(&message().headers);
    context.span().span_context().clone()
}

#[test]
fn each_relation_has_its_parent_and_its_links() {
    for relation in [
        Relation::ChildOfSender,
        Relation::ChildOfCurrent,
        Relation::Link,
    ] {
        let spans = spans();
        let (span, around, tenant) = handled(&spans, relation, &with_baggage(true));
        let (parent, trace, linked) = match relation {
            Relation::ChildOfSender => (
                sender().span_id(),
                Some(sender().trace_id()),
                vec![sender().span_id(), around.span_id()],
            ),
            Relation::ChildOfCurrent => (
                around.span_id(),
                Some(around.trace_id()),
                vec![sender().span_id()],
            ),
            _ => (
                SpanId::INVALID,
                None,
                vec![sender().span_id(), around.span_id()],
            ),
        };
        assert_eq!(span.parent_span_id, parent, "{relation:?}");
        assert_eq!(links(&span), linked, "{relation:?}");
        let own = span.span_context.trace_id();
        match trace {
            Some(trace) => assert_eq!(own, trace, "{relation:?}"),
            None => assert!(![sender().trace_id(), around.trace_id()].contains(&own)),
        }
        // What the handler sends has the message's baggage.
        assert_eq!(tenant.as_deref(), Some("acme"), "{relation:?}");
    }
}

#[test]
fn a_message_without_sender_is_a_root_or_a_child_of_the_current_span() {
    for (relation, is_child) in [
        (Relation::ChildOfSender, false),
        (Relation::ChildOfCurrent, true),
        (Relation::Link, false),
    ] {
        let spans = spans();
        let (span, around, tenant) = handled(&spans, relation, &with_baggage(false));
        let (parent, linked) = if is_child {
            (around.span_id(), vec![])
        } else {
            (SpanId::INVALID, vec![around.span_id()])
        };
        assert_eq!(span.parent_span_id, parent, "{relation:?}");
        assert_eq!(links(&span), linked, "{relation:?}");
        assert_eq!(tenant.as_deref(), Some("acme"), "{relation:?}");
    }
}

#[test]
fn without_a_current_span_the_sender_is_the_parent() {
    let spans = spans();
    let by = spans.instrumentation.to_builder();
    let by = by.with_relation(Relation::ChildOfCurrent).build();
    drop(by.process(&message()));
    let span = spans.only();
    assert_eq!(span.parent_span_id, sender().span_id());
    assert_eq!(links(&span), [sender().span_id()]);
}

/// As in a program that handles a message where it was sent, within the span that sent it.
#[test]
fn the_sender_is_linked_once() {
    let spans = spans();
    let by = &spans.instrumentation;
    let tracer = spans.provider.tracer("test");
    let around = tracer.in_span("around", |around| {
        let mut message = message();
        by.inject(&Context::current(), &mut message.headers);
        drop(by.process(&message));
        around.span().span_context().span_id()
    });
    let processed = spans.ended().into_iter().next().expect("a span");
    assert_eq!(links(&processed), [around]);
}

#[test]
fn a_call_may_have_another_relation() {
    let spans = spans();
    let consumer = spans.instrumentation.consumer(ConsumerInfo::new());
    drop(consumer.with_relation(Relation::Link).process(&message()));
    drop(consumer.process(&message()));
    let parents = spans.ended().into_iter().map(|span| span.parent_span_id);
    let expected = [SpanId::INVALID, sender().span_id()];
    assert_eq!(parents.collect::<Vec<_>>(), expected);
}

/// Without a tracer, what came in goes out, in each relation.
#[test]
fn without_spans_the_messages_context_is_current() {
    for relation in [Relation::ChildOfCurrent, Relation::Link] {
        let by = otel_messaging::Instrumentation::builder();
        let by = by.with_relation(relation).build();
        let entered = by.process(&message()).enter();
        let current = entered.context().span().span_context().clone();
        assert_eq!(current, sender(), "{relation:?}");
    }
}
