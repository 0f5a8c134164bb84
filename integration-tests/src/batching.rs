//! What has to hold for every client that sends batches.

use crate::client::{Client, in_time};
use crate::scenarios::{fields, names};
use crate::spans::{
    Spans, assert_child, assert_messaging, assert_unfailed, attribute, traceparent,
};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, SpanId, SpanKind, Status, TraceContextExt};
use opentelemetry_sdk::trace::SpanData;
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{Client as _, Describe};
use std::collections::{BTreeMap, HashSet};

/// A client that sends batches.
#[expect(async_fn_in_trait, reason = "for the tests of this package only")]
pub trait SendsBatches: Client {
    /// Sends a message in each context, all in one batch, and waits for the broker's answers. Then sends one
    /// that the broker or the client has to refuse, if `in_vain` says so.
    async fn send_batch(&self, by: &Instrumentation, contexts: &[Context], in_vain: bool);
}

/// Makes a test of each scenario of batches, for one client; see [`scenarios!`](crate::scenarios!).
#[macro_export]
macro_rules! sending_batches {
    ($client:ty, needs $what:ident) => {
        $crate::sending_batches!($client, $what:
            each_message_of_a_batch_has_a_create_span
            without_create_spans_a_batch_has_one_span
            a_failure_marks_the_span_of_its_batch
        );
    };
    ($client:ty, brokers: $($scenario:ident)*) => {$(
        #[$crate::apply($crate::broker_test)]
        async fn $scenario() {
            $crate::batching::$scenario::<$client>().await;
        }
    )*};
    ($client:ty, nothing: $($scenario:ident)*) => {$(
        #[$crate::apply($crate::two_worker_test)]
        async fn $scenario() {
            $crate::batching::$scenario::<$client>().await;
        }
    )*};
}

/// Calls in a context.
pub fn within<T>(context: &Context, work: impl FnOnce() -> T) -> T {
    let _attached = context.clone().attach();
    work()
}

async fn send<C: SendsBatches>(
    client: &C,
    (by, around): (&Instrumentation, &Context),
    contexts: &[Context],
    in_vain: bool,
) {
    let sent = client.send_batch(by, contexts, in_vain);
    in_time("a batch", sent.with_context(around.clone())).await;
}

fn created(spans: &Spans) -> Vec<SpanData> {
    let mut all = spans.all();
    all.retain(|span| span.name.starts_with("create"));
    all
}

fn linked(span: &SpanData) -> HashSet<SpanId> {
    let links = span.links.iter();
    links.map(|link| link.span_context.span_id()).collect()
}

/// A hundred messages, each from a trace of its own and handled in it.
pub async fn each_message_of_a_batch_has_a_create_span<C: SendsBatches>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, process) = names(&client);
    let import = spans.root("import");
    let orders: Vec<_> = (0..100).map(|_| spans.root("order")).collect();
    let by = &spans.instrumentation;
    send(&client, (by, &import), &orders, false).await;

    let system = <C::Message as Describe<C::Marker>>::Client::SYSTEM;
    let sending = spans.named(&publish);
    assert_messaging(&sending, SpanKind::Client, system, [C::OPERATION, "send"]);
    assert_child(&sending, import.span().span_context());
    assert_unfailed(&sending);
    let count = attribute(&sending, "messaging.batch.message_count");
    assert_eq!(count, Some(100.into()));
    let created = created(&spans);
    assert_eq!(created.len(), 100);
    assert_eq!(sending.links.len(), 100);
    let ids = created.iter().map(|span| span.span_context.span_id());
    assert_eq!(linked(&sending), ids.collect());
    for (created, order) in created.iter().zip(&orders) {
        assert_messaging(created, SpanKind::Producer, system, ["create", "create"]);
        assert_child(created, order.span().span_context());
        assert_unfailed(created);
        assert_eq!(attribute(created, "messaging.client.id"), None);
        assert!(created.end_time <= sending.end_time);
    }
    for span in created.iter().chain([&sending]) {
        let destination = attribute(span, "messaging.destination.name");
        assert_eq!(destination, Some(client.destination().into()));
    }

    let carried = created.iter();
    let carried = carried.map(|span| (traceparent(&span.span_context), span));
    let mut carried: BTreeMap<_, _> = carried.collect();
    for _ in 0..100 {
        let message = client.receive().await;
        let fields = fields::<C>(&message, "traceparent");
        assert_eq!(fields.len(), 1, "{fields:?}");
        let created = carried.remove(&fields[0]).expect("one message each");
        let before = spans.all().len();
        let handled = spans
            .instrumentation
            .with_message_context(&message, async |_| {});
        handled.await;
        let processed = &spans.all()[before..];
        let processed = processed.iter().find(|span| span.name == process);
        assert_child(processed.expect("its handling"), &created.span_context);
    }
}

/// The messages carry the span of the sending.
pub async fn without_create_spans_a_batch_has_one_span<C: SendsBatches>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, _) = names(&client);
    let by = spans.instrumentation.to_builder();
    let by = by.with_create_spans(false).build();
    let import = spans.root("import");
    let orders = vec![Context::new(); 10];
    send(&client, (&by, &import), &orders, false).await;

    let sending = spans.named(&publish);
    assert_eq!(spans.all().len(), 1);
    assert_eq!(sending.span_kind, SpanKind::Producer);
    assert_child(&sending, import.span().span_context());
    assert_unfailed(&sending);
    let count = attribute(&sending, "messaging.batch.message_count");
    assert_eq!(count, Some(10.into()));
    for _ in 0..10 {
        let message = client.receive().await;
        let expected = traceparent(&sending.span_context);
        assert_eq!(fields::<C>(&message, "traceparent"), [expected]);
    }
}

/// The others of the batch arrive.
pub async fn a_failure_marks_the_span_of_its_batch<C: SendsBatches>() {
    for has_create_spans in [true, false] {
        let (mut client, spans) = (C::connect().await, Spans::new());
        let by = spans.instrumentation.to_builder();
        let by = by.with_create_spans(has_create_spans).build();
        let import = spans.root("import");
        let orders = vec![import.clone(); 2];
        send(&client, (&by, &import), &orders, true).await;

        let all = spans.all();
        let mut sending = all.iter().filter(|span| !span.name.starts_with("create"));
        let (Some(sending), None) = (sending.next(), sending.next()) else {
            panic!("one span, not {all:?}");
        };
        assert_eq!(attribute(sending, "error.type"), Some(C::FAILURE.into()));
        let Status::Error { description } = &sending.status else {
            panic!("{:?}", sending.status);
        };
        assert!(
            description.starts_with("1 of 3 messages failed: "),
            "{description}"
        );
        let created = created(&spans);
        created.iter().for_each(assert_unfailed);
        assert_eq!(created.len(), if has_create_spans { 3 } else { 0 });
        assert_eq!(sending.links.len(), created.len());
        for _ in 0..2 {
            client.receive().await;
        }
    }
}
