//! A batch in a program with `tracing`, inside the entered span of a poll loop.

use crate::message::{NOWHERE, spans};
use crate::order::{Order, bare, order, orders, sender, trace_id};
use crate::{assert_child, named, subscribe};
use futures_util::future::join_all;
use opentelemetry::trace::{SpanKind, TraceContextExt};
use otel_messaging::producer::Join;
use otel_messaging::{Instrumentation, process_batch, with_batch_context};
use std::collections::BTreeSet;
use tracing::{Instrument, info, info_span, instrument};

#[instrument(skip_all)]
async fn handle(_: &Order) {
    info!("an event");
    tokio::task::yield_now().await;
    drop(Instrumentation::global().outgoing("publish", &NOWHERE));
}

/// Whether or not the layer activates contexts.
#[tokio::test]
async fn the_handlers_spans_join_each_messages_trace() {
    for activation in [true, false] {
        let (spans, messages) = (spans(), orders(1..51));
        let _subscribed = subscribe(&spans, activation);
        let poll_loop = async {
            let handling = with_batch_context(&messages, async |batch| {
                drop(info_span!("before"));
                join_all(batch.into_iter().map(|message| message.run(handle))).await;
                drop(info_span!("after"));
            });
            handling.await;
            drop(info_span!("next poll"));
        };
        poll_loop.instrument(info_span!("poll loop")).await;

        let processed = named(&spans, "process orders");
        assert_eq!(processed.span_kind, SpanKind::Consumer);
        assert_eq!(processed.links.len(), 50);
        let around = named(&spans, "poll loop");
        assert_child(&processed, &around.span_context);
        for name in ["before", "after"] {
            assert_child(&named(&spans, name), &processed.span_context);
        }
        assert_child(&named(&spans, "next poll"), &around.span_context);
        let ended = spans.ended();
        let mut seen = BTreeSet::new();
        for handled in ended.iter().filter(|span| span.name == "handle") {
            let number = (1..51).find(|number| sender(*number) == handled.parent_span_id);
            let number = number.expect("a sender's");
            assert!(seen.insert(number));
            assert_eq!(handled.span_context.trace_id(), trace_id(number));
            assert_eq!(handled.events.len(), 1);
            let id = handled.span_context.span_id();
            let published = ended.iter().filter(|it| it.parent_span_id == id);
            let published: Vec<_> = published.collect();
            assert_eq!(published.len(), 1);
            assert_eq!(published[0].name, "publish");
            assert_eq!(published[0].span_context.trace_id(), trace_id(number));
        }
        assert_eq!(seen.len(), 50);
    }
}

/// A message without a context: the batch's.
#[test]
fn a_synchronous_handler_joins_it_too() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let poll_loop = info_span!("poll loop").entered();
        let messages = [order(1), bare(2)];
        let (span, batch) = process_batch(&messages);
        let of_batch = span.context().span().span_context().clone();
        let entered = span.enter();
        for (message, name) in batch.into_iter().zip(["first", "second"]) {
            let (_, span) = message.into_parts();
            let _entered = span.enter();
            match name {
                "first" => drop(info_span!("first")),
                _ => drop(info_span!("second")),
            }
        }
        drop(info_span!("after"));
        drop(entered);
        drop(poll_loop);
        let first = named(&spans, "first");
        assert_eq!(first.parent_span_id, sender(1));
        assert_eq!(first.span_context.trace_id(), trace_id(1));
        assert_child(&named(&spans, "second"), &of_batch);
        assert_child(&named(&spans, "after"), &of_batch);
        assert_eq!(named(&spans, "process orders").span_context, of_batch);
    }
}

/// Also where the span around the publish is one that `tracing` alone makes current.
#[test]
fn a_join_reaches_the_spans_inside() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        let _poll_loop = info_span!("poll loop").entered();
        Join::of(orders(1..4)).call(|| {
            info_span!("sum").in_scope(|| {
                drop(Instrumentation::global().outgoing("publish", &NOWHERE));
            });
        });
        drop(Instrumentation::global().outgoing("after", &NOWHERE));
        let published = named(&spans, "publish");
        let links = published.links.iter();
        let linked: Vec<_> = links.map(|link| link.span_context.span_id()).collect();
        assert_eq!(linked, [1, 2, 3].map(sender), "{activation}");
        assert_child(&published, &named(&spans, "sum").span_context);
        assert!(named(&spans, "after").links.is_empty());
    }
}
