//! What a producer tells.

use super::{TRACEPARENT, fields, names};
use crate::client::{Client, HeaderList, in_time};
use crate::spans::{Spans, assert_child, traceparent};
use opentelemetry::KeyValue;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, TraceContextExt};
use otel_messaging::Instrumentation;
use otel_messaging::trust::{Messages, OutgoingPolicy};

/// What the caller has put into the headers of a message.
const GIVEN: [(&str, &str); 4] = [
    ("baggage", "sentry-release=1"),
    ("order", "7"),
    ("traceparent", TRACEPARENT),
    ("tracestate", "a=1"),
];

/// A producer whose messages leave the house has spans, and its messages carry no context: neither its own nor one
/// that the caller has put into the headers.
pub async fn what_is_sent_out_of_the_house_tells_nothing<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let arrived = sent(
        &mut client,
        &spans,
        &spans.instrumentation.external(),
        &GIVEN,
    )
    .await;
    assert_eq!(arrived, [("order".to_owned(), "7".to_owned())]);
}

/// The message carries the trace, and neither our baggage nor the caller's.
pub async fn baggage_stays_in_the_house<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let builder = spans.instrumentation.to_builder();
    let policy = OutgoingPolicy::TraceContextOnly;
    let by = builder.with_outgoing(Messages::all(), policy).build();
    let arrived = sent(&mut client, &spans, &by, &GIVEN).await;
    let (publish, _) = names(&client);
    let traceparent = traceparent(&spans.named(&publish).span_context);
    let expected = [("order", "7"), ("traceparent", &traceparent)];
    assert_eq!(arrived, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
}

/// Another system writes its own baggage into the headers. With ours it makes one list; without, it stays as it is.
pub async fn the_baggage_of_others_stays_beside_ours<C: Client>() {
    let (mut client, spans) = (C::connect().await, Spans::new());
    let by = spans
        .instrumentation
        .to_builder()
        .with_merged_baggage()
        .build();
    let arrived = sent(&mut client, &spans, &by, &[("baggage", "sentry-release=1")]).await;
    let [(name, merged), (_, _)] = &arrived[..] else {
        panic!("baggage and traceparent, not {arrived:?}")
    };
    let mut members: Vec<_> = merged.split(',').collect();
    members.sort_unstable();
    assert_eq!(
        (&**name, &*members),
        ("baggage", &["sentry-release=1", "tenant=acme"][..])
    );

    let alone = "sentry-release=1;p , sentry-trace_id=%41";
    let headers = [("baggage", alone)];
    let sending = client.send(Some(&by), &headers);
    in_time("send", sending)
        .await
        .expect("the broker takes the message");
    assert_eq!(fields::<C>(&client.receive().await, "baggage"), [alone]);
}

/// Sends a message within a span and with baggage, and returns its headers, each spelling of a name once.
async fn sent<C: Client>(
    client: &mut C,
    spans: &Spans,
    by: &Instrumentation,
    headers: &[(&str, &str)],
) -> HeaderList {
    let order = spans
        .root("order")
        .with_baggage([KeyValue::new("tenant", "acme")]);
    let sending = client.send(Some(by), headers).with_context(order.clone());
    in_time("send", sending)
        .await
        .expect("the broker takes the message");
    let (publish, _) = names(client);
    assert_child(&spans.named(&publish), order.span().span_context());
    distinct(C::headers(&client.receive().await))
}

/// The headers by their names in lower case, in order: on NATS fields of a context may stand in two spellings.
pub(crate) fn distinct(headers: HeaderList) -> HeaderList {
    let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
    let mut headers: HeaderList = headers.into_iter().map(lower).collect();
    headers.sort();
    headers.dedup();
    headers
}
