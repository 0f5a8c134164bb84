//! The headers that a message arrives with.

use super::{TRACEPARENT, fields, names, send};
use crate::client::{Client, HeaderList, in_time};
use crate::spans::{Spans, assert_child, traceparent};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::FutureExt;
use opentelemetry::{Context, KeyValue};
use otel_messaging::Instrumentation;
use std::collections::BTreeSet;

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
