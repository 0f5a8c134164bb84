//! Handlers with spans and events of `tracing`, inside the entered span of a poll loop.

use crate::message::{Message, NOWHERE, Sent, TRACEPARENT, message, spans};
use crate::{assert_child, named, subscribe};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::adapter::Destination;
use otel_messaging::{
    Instrumentation, get_context, process, try_with_message_context, with_message_context,
};
use std::collections::BTreeMap;
use tracing::{Instrument, info, info_span, instrument};

#[instrument(skip_all)]
async fn handle(_: &Message) {
    info!("an event");
    tokio::task::yield_now().await;
    info!("another event");
}

#[instrument(skip_all)]
fn handle_now(_: &Message) {
    info!("an event");
}

/// `around` has the span that is current at the call, if there is one.
fn assert_processed(processed: &SpanData, around: &[&SpanData]) {
    assert_eq!(processed.span_kind, SpanKind::Consumer);
    assert_eq!(
        format!("{:032x}", processed.span_context.trace_id()),
        &TRACEPARENT[3..35]
    );
    assert_eq!(
        format!("{:016x}", processed.parent_span_id),
        &TRACEPARENT[36..52]
    );
    let links = &processed.links.links;
    let links: Vec<_> = links
        .iter()
        .map(|link| link.span_context.span_id())
        .collect();
    let around = around.iter().map(|span| span.span_context.span_id());
    let expected: Vec<_> = std::iter::once(processed.parent_span_id)
        .chain(around)
        .collect();
    assert_eq!(links, expected);
    for (key, value) in [
        ("messaging.system.name", "test"),
        ("messaging.operation.type", "process"),
        ("messaging.destination.name", "orders"),
    ] {
        let mut values = processed
            .attributes
            .iter()
            .filter(|kv| kv.key.as_str() == key);
        assert_eq!(values.next().expect(key).value.as_str(), value);
        assert!(values.next().is_none(), "{key} stands once");
    }
}

/// Whatever span of `tracing` surrounds the loop, and whether or not the layer activates contexts.
#[tokio::test]
async fn an_instrumented_handler_joins_the_messages_trace() {
    for activation in [true, false] {
        let (spans, message) = (spans(), message());
        let _subscribed = subscribe(&spans, activation);
        let poll_loop = async {
            with_message_context(&message, handle).await;
            drop(info_span!("next poll"));
        };
        poll_loop.instrument(info_span!("poll loop")).await;

        let processed = named(&spans, "process orders");
        let around = named(&spans, "poll loop");
        assert_processed(&processed, &[&around]);
        let handled = named(&spans, "handle");
        assert_child(&handled, &processed.span_context);
        let events: Vec<_> = handled.events.iter().map(|event| &*event.name).collect();
        assert_eq!(events, ["an event", "another event"]);
        assert_eq!(around.parent_span_id, SpanId::INVALID);
        assert!(around.events.is_empty());
        assert_ne!(
            around.span_context.trace_id(),
            processed.span_context.trace_id()
        );
        assert_child(&named(&spans, "next poll"), &around.span_context);
    }
}

#[test]
fn a_synchronous_handler_joins_the_messages_trace() {
    for activation in [true, false] {
        let (spans, message) = (spans(), message());
        let _subscribed = subscribe(&spans, activation);
        let poll_loop = info_span!("poll loop").entered();
        let entered = process(&message).enter();
        handle_now(&message);
        drop(entered);
        drop(info_span!("next poll"));
        drop(poll_loop);

        let processed = named(&spans, "process orders");
        let around = named(&spans, "poll loop");
        assert_processed(&processed, &[&around]);
        assert_child(&named(&spans, "handle_now"), &processed.span_context);
        assert_child(&named(&spans, "next poll"), &around.span_context);
    }
}

/// A message without context starts a trace, and does not join the loop's.
#[tokio::test]
async fn a_message_without_context_gets_a_root_span() {
    for activation in [true, false] {
        let spans = spans();
        let message = Message {
            headers: BTreeMap::new(),
        };
        let _subscribed = subscribe(&spans, activation);
        let handling = with_message_context(&message, handle);
        handling.instrument(info_span!("poll loop")).await;
        let processed = named(&spans, "process orders");
        assert_eq!(processed.parent_span_id, SpanId::INVALID);
        assert!(processed.links.is_empty());
        let around = named(&spans, "poll loop").span_context;
        assert_ne!(processed.span_context.trace_id(), around.trace_id());
        assert_child(&named(&spans, "handle"), &processed.span_context);
    }
}

/// Both kinds of users, in one handler: OpenTelemetry's own spans, and what is published.
#[tokio::test]
async fn spans_of_opentelemetry_and_messages_join_too() {
    for activation in [true, false] {
        let (spans, message) = (spans(), message());
        let _subscribed = subscribe(&spans, activation);
        let tracer = spans.provider.tracer("application");
        let work = async |_: &Message| {
            tracer.start("work").end();
            drop(Instrumentation::global().outgoing("send", &NOWHERE));
        };
        let handling = with_message_context(&message, work);
        handling.instrument(info_span!("poll loop")).await;
        let processed = named(&spans, "process orders");
        assert_child(&named(&spans, "work"), &processed.span_context);
        assert_child(&named(&spans, "send"), &processed.span_context);
    }
}

/// A message that goes out from a span of `tracing` in the handler belongs to that span, also where
/// the layer does not make it current to OpenTelemetry; around it, to the handling.
#[tokio::test]
async fn what_is_sent_from_a_span_of_the_handler_joins_it() {
    let send = |name: &'static str| {
        let sent = Sent(Destination::named(name));
        drop(Instrumentation::global().outgoing("send", &sent));
    };
    for activation in [true, false] {
        let (spans, message) = (spans(), message());
        let _subscribed = subscribe(&spans, activation);
        let tracer = spans.provider.tracer("application");
        let work = async |_: &Message| {
            send("before");
            async {
                let article = info_span!("article").entered();
                send("inside");
                let baggage = Context::current().with_baggage([KeyValue::new("tenant", "acme")]);
                let _attached = baggage.attach();
                assert_eq!(BTreeMap::from(get_context())["baggage"], "tenant=acme");
                send("with baggage");
                let _attached = Context::current_with_span(tracer.start("local")).attach();
                send("nearer");
                drop(article);
            }
            .instrument(info_span!("order"))
            .await;
            send("after");
        };
        let handling = with_message_context(&message, work);
        handling.instrument(info_span!("poll loop")).await;
        for (sent, parent) in [
            ("send before", "process orders"),
            ("send inside", "article"),
            ("send with baggage", "article"),
            ("send nearer", "local"),
            ("send after", "process orders"),
        ] {
            assert_child(&named(&spans, sent), &named(&spans, parent).span_context);
        }
    }
}

/// The span ends with the handler, whoever else still has a handle of it.
#[tokio::test]
async fn the_span_ends_with_the_handler() {
    let (spans, message) = (spans(), message());
    let _subscribed = subscribe(&spans, true);
    let kept = with_message_context(&message, |_| async { tracing::Span::current() }).await;
    let processed = named(&spans, "process orders");
    assert_processed(&processed, &[]);
    drop(info_span!(parent: &kept, "later"));
    drop(kept);
    assert_child(&named(&spans, "later"), &processed.span_context);
    assert_eq!(spans.ended().len(), 2, "it ends once");
}

/// What was given counts, and the layer's tracer is another.
#[tokio::test]
async fn a_tracer_provider_that_is_given_counts() {
    let (spans, of_layer, message) = (spans(), crate::message::spans(), message());
    let _subscribed = subscribe(&of_layer, true);
    let given = &spans.instrumentation;
    given.with_message_context(&message, handle).await;
    let processed = spans.only();
    assert_processed(&processed, &[]);
    assert_child(&named(&of_layer, "handle"), &processed.span_context);
    assert_eq!(of_layer.ended().len(), 1);
}

/// What is done about the error is inside the span, with its own spans and events.
#[tokio::test]
async fn a_handlers_error_marks_the_span() {
    for activation in [true, false] {
        let (spans, message) = (spans(), message());
        let _subscribed = subscribe(&spans, activation);
        let _loop = info_span!("loop").entered();
        let refused = try_with_message_context(&message, |_| async { "seven".parse::<u8>() })
            .on_error(|error| {
                info!("put aside");
                drop(Instrumentation::global().outgoing("send", &NOWHERE));
                let aside = async move { Err::<u8, _>(error) };
                aside.instrument(info_span!("aside"))
            });
        assert!(refused.await.is_err());
        let processed = named(&spans, "process orders");
        let text = "invalid digit found in string";
        assert_eq!(processed.status, Status::error(text));
        assert_child(&named(&spans, "send"), &processed.span_context);
        assert_child(&named(&spans, "aside"), &processed.span_context);
        assert_eq!(processed.events.len(), 1);
    }
}

/// Dropped in the middle, in the order of the spans.
#[tokio::test]
async fn a_cancelled_handler_ends_its_spans() {
    use futures_util::FutureExt;
    let (spans, message) = (spans(), message());
    let _subscribed = subscribe(&spans, true);
    let handling = with_message_context(&message, |_| {
        std::future::pending::<()>().instrument(info_span!("waits"))
    });
    assert!(handling.now_or_never().is_none());
    let processed = named(&spans, "process orders");
    assert_child(&named(&spans, "waits"), &processed.span_context);
    assert_eq!(processed.status, Status::Unset);
    assert!(tracing::Span::current().is_none());
    assert_eq!(current_span(), SpanContext::NONE);
}

fn current_span() -> SpanContext {
    Context::map_current(|context| context.span().span_context().clone())
}
