//! What has to hold for every client.

mod background;
mod errors;

use crate::client::{Client, HeaderList, in_time};
use crate::spans::{
    Spans, assert_child, assert_linked, assert_messaging, assert_unfailed, attribute, traceparent,
};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, SpanId, SpanKind, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use otel_messaging::{Instrumentation, Received, with_message_context};
use std::collections::BTreeSet;
use tokio::sync::Barrier;

pub use background::{
    a_handler_that_owns_its_message_joins, a_synchronous_handler_joins, background_work_joins,
};
pub use errors::{a_handlers_error_marks_its_span, what_is_done_about_an_error_is_inside_its_span};

pub(crate) const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

/// Makes a test of each scenario, for one client; `brokers` for a client that needs one,
/// `nothing` for a client that does not.
#[macro_export]
macro_rules! scenarios {
    ($client:ty, needs $what:ident) => {
        $crate::scenarios!($client, $what:
            a_handler_joins_the_trace
            a_message_without_context_gets_a_root_span
            two_messages_handled_at_once_never_mix
            a_message_sent_on_has_one_traceparent
            the_callers_headers_arrive_unchanged
            baggage_travels
            background_work_joins
            a_handler_that_owns_its_message_joins
            a_synchronous_handler_joins
            a_handlers_error_marks_its_span
            what_is_done_about_an_error_is_inside_its_span
            a_failed_publish_marks_its_span
            without_an_sdk_what_came_in_goes_out
        );
    };
    ($client:ty, brokers: $($scenario:ident)*) => {$(
        #[$crate::apply($crate::broker_test)]
        async fn $scenario() {
            $crate::scenarios::$scenario::<$client>().await;
        }
    )*};
    ($client:ty, nothing: $($scenario:ident)*) => {$(
        #[$crate::apply($crate::two_worker_test)]
        async fn $scenario() {
            $crate::scenarios::$scenario::<$client>().await;
        }
    )*};
}

/// The main path: what the handler does is in the producer's trace, each span the child of the
/// one before.
pub async fn a_handler_joins_the_trace<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, process) = names(&client);
    let order = spans.root("order");
    send(&client, &spans.instrumentation, &order).await;
    let sent = spans.named(&publish);

    let message = client.receive().await;
    assert_eq!(
        fields::<C>(&message, "traceparent"),
        [traceparent(&sent.span_context)]
    );
    assert_eq!(fields::<C>(&message, "tracestate"), [""; 0]);
    assert_eq!(fields::<C>(&message, "baggage"), [""; 0]);
    let handled = spans
        .instrumentation
        .with_message_context(&message, |_| async {
            tokio::task::yield_now().await;
            spans.work("work");
            "handled"
        });
    assert_eq!(handled.await, "handled");

    let system = <C::Message as Received<C::Marker>>::SYSTEM;
    assert_messaging(&sent, SpanKind::Producer, system, [C::OPERATION, "send"]);
    assert_child(&sent, order.span().span_context());
    assert_unfailed(&sent);
    let processed = spans.named(&process);
    assert_messaging(
        &processed,
        SpanKind::Consumer,
        system,
        ["process", "process"],
    );
    assert_child(&processed, &sent.span_context);
    assert_linked(&processed, &sent.span_context);
    assert_unfailed(&processed);
    for span in [&sent, &processed] {
        let destination = attribute(span, "messaging.destination.name");
        assert_eq!(destination, Some(client.destination().into()));
    }
    assert_child(&spans.named("work"), &processed.span_context);
}

/// What a user writes: no instrumentation is named, the application's global provider counts.
pub async fn the_two_lines_are_enough<C: Client>(global: &Spans) {
    let mut client = C::connect().await;
    let (publish, process) = names(&client);
    let order = global.root("order");
    let sent = client.send(None, &[]).with_context(order.clone());
    in_time("send", sent)
        .await
        .expect("the broker takes the message");
    let message = client.receive().await;
    with_message_context(&message, |_| async {}).await;

    let sent = global.named(&publish);
    assert_child(&sent, order.span().span_context());
    assert_child(&global.named(&process), &sent.span_context);
}

/// A message from a producer that propagates nothing starts a trace of its own, whatever span
/// surrounds the loop.
pub async fn a_message_without_context_gets_a_root_span<C: Client>() {
    let mut client = C::connect().await;
    for headers in [&[][..], &[("order", "7")]] {
        client.send_plain(headers).await;
        let message = client.receive().await;
        assert_eq!(C::headers(&message).len(), headers.len());
        assert_root_span::<C>(&client, message).await;
    }
}

async fn assert_root_span<C: Client>(client: &C, message: C::Message) {
    let spans = Spans::new();
    let (_, process) = names(client);

    let poll_loop = spans.root("poll loop");
    let handling = async {
        let handled = spans
            .instrumentation
            .with_message_context(&message, |_| async {
                tokio::task::yield_now().await;
                spans.work("work");
            });
        handled.await;
        spans.work("next poll");
    };
    handling.with_context(poll_loop.clone()).await;

    let processed = spans.named(&process);
    assert_eq!(processed.parent_span_id, SpanId::INVALID);
    assert!(processed.links.is_empty());
    let around = poll_loop.span().span_context().clone();
    assert_ne!(processed.span_context.trace_id(), around.trace_id());
    assert_child(&spans.named("work"), &processed.span_context);
    assert_child(&spans.named("next poll"), &around);
}

/// Two handlers that run in turns, each waiting for the other, see their own message's context
/// after every wait.
pub async fn two_messages_handled_at_once_never_mix<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let orders = [spans.root("first"), spans.root("second")];
    for order in &orders {
        send(&client, &spans.instrumentation, order).await;
    }
    let messages = [client.receive().await, client.receive().await];
    let turns = Barrier::new(2);
    let handle = |message| {
        spans
            .instrumentation
            .with_message_context(message, |message| {
                let turns = &turns;
                async move {
                    let mut seen = Vec::new();
                    for _ in 0..5 {
                        turns.wait().await;
                        seen.push(Context::current().span().span_context().trace_id());
                    }
                    (fields::<C>(message, "traceparent"), seen)
                }
            })
    };
    let [first, second] = &messages;
    let both = async { tokio::join!(handle(first), handle(second)) };
    let (first, second) = in_time("two handlers", both).await;

    for (headers, seen) in [&first, &second] {
        for trace_id in seen {
            assert_eq!(headers[0][3..35], format!("{trace_id:032x}"));
        }
        assert_eq!(seen.len(), 5);
    }
    assert_ne!(first.1, second.1);
}

/// A message that is sent on with the headers it came with carries the new context, once, and
/// nothing of the old one.
pub async fn a_message_sent_on_has_one_traceparent<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let (publish, process) = names(&client);
    // In title case, as some programs in Go write it.
    let carried = [
        ("Traceparent", TRACEPARENT),
        ("tracestate", "a=1"),
        ("order", "7"),
    ];
    client.send_plain(&carried).await;
    let message = client.receive().await;
    let sent_on = spans
        .instrumentation
        .try_with_message_context(&message, |message| {
            client.send_on(Some(&spans.instrumentation), message)
        });
    sent_on.await.expect("the broker takes the message");

    let next = client.receive().await;
    let sent = spans.named(&publish);
    assert_eq!(
        fields::<C>(&next, "traceparent"),
        [traceparent(&sent.span_context)]
    );
    assert_eq!(fields::<C>(&next, "tracestate"), ["a=1"]);
    assert_eq!(fields::<C>(&next, "order"), ["7"]);
    // On NATS in title case too, as it came.
    let headers = C::headers(&next).into_iter();
    let distinct = headers.map(|(name, value)| (name.to_ascii_lowercase(), value));
    assert_eq!(distinct.collect::<BTreeSet<_>>().len(), 3);
    let processed = spans.named(&process);
    assert_child(&sent, &processed.span_context);
    assert_eq!(
        traceparent(&processed.span_context)[..35],
        TRACEPARENT[..35]
    );
    assert_eq!(
        format!("{:016x}", processed.parent_span_id),
        TRACEPARENT[36..52]
    );
}

/// The caller's own headers keep their values and, where the protocol has one, their order.
pub async fn the_callers_headers_arrive_unchanged<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let order = spans.root("order");
    let given = [
        ("Order-Id", "7"),
        ("empty", ""),
        ("note", "ä = \"b\"; c, %20"),
        ("z", "1"),
    ];
    in_time(
        "send",
        client
            .send(Some(&spans.instrumentation), &given)
            .with_context(order),
    )
    .await
    .expect("the broker takes the message");

    let message = client.receive().await;
    let mut arrived = C::headers(&message);
    let before = arrived.len();
    arrived.retain(|(name, _)| name != "traceparent");
    assert_eq!(arrived.len(), before - 1);
    let given: HeaderList = given
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(arrived, given);
}

/// Baggage goes out in the W3C form and is there in the handler.
pub async fn baggage_travels<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let order = spans
        .root("order")
        .with_baggage([KeyValue::new("tenant", "acme corp")]);
    send(&client, &spans.instrumentation, &order).await;
    let message = client.receive().await;
    assert_eq!(fields::<C>(&message, "baggage"), ["tenant=acme%20corp"]);
    let tenant = spans
        .instrumentation
        .with_message_context(&message, |_| async {
            let tenant = Context::current().baggage().get("tenant").cloned();
            tenant.map(|value| value.to_string())
        });
    assert_eq!(tenant.await.as_deref(), Some("acme corp"));
}

/// What the broker or the client refuses ends its span with an error.
pub async fn a_failed_publish_marks_its_span<C: Client>() {
    let (client, spans) = (C::connect().await, Spans::new());
    let order = spans.root("order");
    let refused = client
        .send_in_vain(Some(&spans.instrumentation))
        .with_context(order.clone());
    let error = in_time("send", refused)
        .await
        .expect_err("nobody takes this message");

    let all = spans.all();
    let [sent] = &all[..] else {
        panic!("one span, not {all:?}")
    };
    assert_eq!(sent.span_kind, SpanKind::Producer);
    assert_child(sent, order.span().span_context());
    assert_eq!(
        attribute(sent, "error.type"),
        Some(C::FAILURE.into()),
        "{error}"
    );
    let Status::Error { description } = &sent.status else {
        panic!("{:?}", sent.status)
    };
    assert_eq!(*description, error);
}

/// A relay without any tracer provider passes the context on as it came.
pub async fn without_an_sdk_what_came_in_goes_out<C: Client>() {
    let mut client = C::connect().await;
    let relay = Instrumentation::default();
    let carried = [
        ("traceparent", TRACEPARENT),
        ("tracestate", "b=2,a=1"),
        ("baggage", "tenant=acme%20corp;p=1"),
        ("order", "7"),
    ];
    client.send_plain(&carried).await;
    let message = client.receive().await;
    let sent_on = relay
        .try_with_message_context(&message, |message| client.send_on(Some(&relay), message))
        .await;
    sent_on.expect("the broker takes the message");
    let mut arrived = C::headers(&client.receive().await);
    let mut carried = carried.map(|(name, value)| (name.to_owned(), value.to_owned()));
    arrived.sort();
    carried.sort();
    assert_eq!(arrived, carried);
}

async fn send<C: Client>(client: &C, by: &Instrumentation, context: &Context) {
    let sent = client.send(Some(by), &[]).with_context(context.clone());
    in_time("send", sent)
        .await
        .expect("the broker takes the message");
}

/// The names of the spans of a publish and of a handling.
pub fn names<C: Client>(client: &C) -> (String, String) {
    let destination = client.destination();
    (
        format!("{} {destination}", C::OPERATION),
        format!("process {destination}"),
    )
}

/// Every value of a header, by its exact name, as the plain client shows them.
pub(crate) fn fields<C: Client>(message: &C::Message, name: &str) -> Vec<String> {
    let headers = C::headers(message).into_iter();
    headers
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value)
        .collect()
}
