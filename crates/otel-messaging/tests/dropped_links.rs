//! Links beyond the SDK's limit. One test, because the count belongs to the whole process.
#![cfg(feature = "internal-logs")]

#[path = "core/message.rs"]
#[expect(dead_code, reason = "another test needs the rest")]
mod message;
#[path = "core/named_lines.rs"]
mod named_lines;
#[path = "core/order.rs"]
#[expect(dead_code, reason = "another test needs the rest")]
mod order;

use crate::message::{NOWHERE, spans};
use crate::named_lines::NamedLines;
use crate::order::{orders, sender};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::loss::dropped_links;
use otel_messaging::producer::Join;
use otel_messaging::{Instrumentation, extract};
use std::future::ready;
use tracing::subscriber::set_default;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

#[tokio::test(flavor = "current_thread")]
async fn they_are_counted_and_said_once() {
    let lines = NamedLines::new("OtelMessaging.LinksDropped");
    let _subscribed = set_default(registry().with(lines.clone()));

    let spans = spans();
    drop(spans.instrumentation.process_batch(orders(0..128)));
    assert_eq!(dropped_links(), 0);
    drop(spans.instrumentation.process_batch(orders(0..130)));
    assert_eq!(dropped_links(), 2);
    let consumer = spans.instrumentation.consumer(ConsumerInfo::new());
    let polled = consumer.receive(ready(orders(0..131))).await;
    assert_eq!(dropped_links(), 5);
    Join::of(&polled).call(|| drop(spans.instrumentation.outgoing("publish", &NOWHERE)));
    assert_eq!(dropped_links(), 8);
    assert_eq!(lines.count(), 1);

    // As many as the SDK says, and the first ones.
    let dropped: u32 = spans.ended().iter().map(|it| it.links.dropped_count).sum();
    assert_eq!(u64::from(dropped), dropped_links());
    for span in spans.ended() {
        let links = span.links.iter().map(|it| it.span_context.span_id());
        assert!(links.eq((0..128).map(sender)), "{}", span.name);
    }

    // A span that nobody exports loses nothing.
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .build();
    let by = Instrumentation::builder()
        .with_tracer_provider(&provider)
        .build();
    drop(by.process_batch(orders(0..200)));
    drop(Instrumentation::default().process_batch(orders(0..200)));
    assert_eq!(dropped_links(), 8);

    // A join that grows for ever keeps so many.
    let mut join = Join::of(orders(0..1_023));
    for context in orders(1_023..1_030).iter().map(|it| extract(&it.headers)) {
        join.add_context(&context);
    }
    join.add_message(&spans.instrumentation, &orders(1_030..1_031)[0]);
    assert_eq!(dropped_links(), 8 + 7);
    join.call(|| drop(spans.instrumentation.outgoing("publish", &NOWHERE)));
    assert_eq!(dropped_links(), 8 + 7 + 1_024 - 128);
    let published = spans.ended().pop().expect("a span");
    assert_eq!(published.links.len(), 128);
    assert_eq!(published.links.dropped_count, 1_024 - 128);
}
