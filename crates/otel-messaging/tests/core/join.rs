//! A message that is made of many.

use crate::message::{NOWHERE, Spans, message, spans};
use crate::order::{bare, current, order, orders, sender};
use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::adapter::{Destination, Outcome, Relay};
use otel_messaging::producer::Join;
use otel_messaging::{Envelope, Instrumentation, Job, extract, get_context};
use std::collections::BTreeMap;
use tokio::task::yield_now;

fn publish(spans: &Spans) {
    let outgoing = spans.instrumentation.outgoing("publish", &NOWHERE);
    outgoing.finish(Outcome::accepted());
}

fn linked(span: &SpanData) -> Vec<SpanId> {
    let links = span.links.iter();
    links.map(|link| link.span_context.span_id()).collect()
}

fn published(spans: &Spans) -> Vec<SpanData> {
    let mut ended = spans.ended();
    ended.retain(|span| span.name == "publish");
    ended
}

#[tokio::test]
async fn what_is_published_inside_has_a_link_to_each() {
    let spans = spans();
    let tracer = spans.provider.tracer("test");
    let around = tracer.in_span("around", |around| around);
    let attached = around.clone().attach();
    let mut messages = orders(1..4);
    messages.insert(1, bare(9));
    let joined = Join::of(&messages).run(async || {
        publish(&spans);
        yield_now().await;
        publish(&spans);
    });
    drop(attached);
    joined.await;
    publish(&spans);
    let published = published(&spans);
    let [first, second, outside] = &published[..] else {
        panic!("{published:?}")
    };
    for span in [first, second] {
        assert_eq!(linked(span), [1, 2, 3].map(sender));
        assert_eq!(span.parent_span_id, around.span().span_context().span_id());
    }
    assert_eq!(linked(outside), []);
}

/// A publish captures its context at the call, which is inside.
#[test]
fn a_future_that_is_made_inside_has_them() {
    let spans = spans();
    let joined = Join::of(orders(1..3)).run(|| {
        publish(&spans);
        std::future::ready(())
    });
    assert!(joined.now_or_never().is_some());
    assert_eq!(linked(&spans.only()), [1, 2].map(sender));
}

#[test]
fn it_takes_messages_jobs_and_stored_contexts() {
    let spans = spans();
    let context = |number| extract(&order(number).headers);
    let job = Job::with_context(7, context(2));
    let carrier = {
        let _attached = context(3).attach();
        get_context()
    };
    let envelope = {
        let _attached = context(4).attach();
        Envelope::new(7)
    };
    let mut join = Join::of_contexts([job.context(), &carrier.context()]);
    join.add_message(&spans.instrumentation, &order(1));
    join.add_message(&spans.instrumentation, &envelope);
    join.add_message(&Instrumentation::disabled(), &order(5));
    join.add_context(&Context::new());
    join.call(|| publish(&spans));
    assert_eq!(linked(&spans.only()), [2, 3, 1, 4].map(sender));
}

/// The messages of a batch, in the batch.
#[test]
fn a_batch_is_joined() {
    let spans = spans();
    let messages = orders(1..4);
    let handling = spans
        .instrumentation
        .with_batch_context(&messages, async |batch| {
            Join::of(&messages).call(|| publish(&spans));
            for message in batch {
                message.run(async |_| publish(&spans)).await;
            }
            current().span_id()
        });
    let of_batch = handling.now_or_never().expect("ready");
    let published = published(&spans);
    assert_eq!(linked(&published[0]), [1, 2, 3].map(sender));
    assert_eq!(published[0].parent_span_id, of_batch);
    for (span, number) in published[1..].iter().zip(1..) {
        assert_eq!(span.parent_span_id, sender(number));
        assert_eq!(linked(span), []);
    }
}

#[test]
fn a_message_that_is_sent_on_keeps_its_own_link() {
    let spans = spans();
    let mut headers = message().headers;
    let by = &spans.instrumentation;
    Join::of(orders(1..3)).call(|| {
        let sent = crate::message::Sent(Destination::named("orders"));
        let outgoing = by.relay(
            Relay::Republish,
            Destination::unknown(),
            "publish",
            &sent,
            &mut headers,
            None,
        );
        outgoing.finish(Outcome::accepted());
    });
    let span = spans.only();
    let own = extract(&message().headers).span().span_context().span_id();
    assert_eq!(linked(&span), [own, sender(1), sender(2)]);
}

#[test]
fn the_innermost_counts_and_a_handled_message_has_none() {
    let spans = spans();
    Join::of(orders(1..3)).call(|| {
        Join::of(orders(5..6)).call(|| publish(&spans));
        let handling = spans.instrumentation.with_message_context(&order(8), |_| {
            publish(&spans);
            std::future::ready(())
        });
        assert!(handling.now_or_never().is_some());
    });
    let published = published(&spans);
    assert_eq!(linked(&published[0]), [sender(5)]);
    assert_eq!(linked(&published[1]), []);
}

/// What is written is the span's own context, as always.
#[test]
fn nothing_else_changes() {
    let spans = spans();
    let joined = Join::new().call(|| {
        let mut headers = BTreeMap::new();
        let outgoing = spans.instrumentation.outgoing("publish", &NOWHERE);
        outgoing.inject(&mut headers, None);
        drop(outgoing);
        headers
    });
    let span = spans.only();
    let written = extract(&joined);
    assert_eq!(
        written.span().span_context().span_id(),
        span.span_context.span_id()
    );
    assert_eq!(joined.len(), 1);
    assert_eq!(linked(&span), []);
}
