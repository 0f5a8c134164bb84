//! Both spellings of the context's names.

use async_nats::HeaderMap;
use integration_tests::client::{Client, in_time};
use integration_tests::nats::{Nats, text_headers};
use integration_tests::spans::{Spans, assert_child, traceparent};
use opentelemetry::KeyValue;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, TraceContextExt};
use otel_messaging_async_nats::Spelling;

/// Each field twice and equal, in place of what stood there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn both_spellings_are_on_the_wire() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let producer = client
        .injecting(&spans.instrumentation)
        .with_spelling(Spelling::Both);
    let order = spans.root("order");
    let order = order.with_baggage([KeyValue::new("tenant", "acme")]);
    let subject = client.destination();
    let publish = async {
        let mut headers = HeaderMap::new();
        headers.insert("TRACEPARENT", "old");
        headers.insert("Order", "7");
        let publish = producer.publish_with_headers(subject.clone(), headers, "order".into());
        publish.await.expect("published");
    };
    in_time("publish", publish.with_context(order)).await;
    let sent = spans.all().pop().expect("a span");
    let carried = traceparent(&sent.span_context);
    let expected = [
        ("Baggage", "tenant=acme"),
        ("Order", "7"),
        ("Traceparent", &carried),
        ("baggage", "tenant=acme"),
        ("traceparent", &carried),
    ];
    let message = client.receive().await;
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(text_headers(&message), expected);
    drop(spans.instrumentation.process(&message));
    let processed = spans.named(&format!("process {subject}"));
    assert_child(&processed, &sent.span_context);
}

/// A relay that knows one spelling, as OpenTelemetry's HTTP carrier in Go does and the others do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_relay_in_between_that_writes_one_spelling_back_stays_in_the_trace() {
    for (spelling, is_found) in [("Traceparent", true), ("traceparent", false)] {
        let (mut client, spans) = (Nats::connect().await, Spans::new());
        let producer = client
            .injecting(&spans.instrumentation)
            .with_spelling(Spelling::Both);
        let subject = client.destination();
        let publish = producer.publish(subject.clone(), "order".into());
        publish.await.expect("published");
        let message = client.receive().await;

        let mut headers = message.headers.clone().expect("headers");
        let carried = headers.get(spelling).expect("this spelling").to_string();
        let relayed = format!("{}-00f067aa0ba902b7-01", &carried[..35]);
        headers.insert(spelling, relayed.as_str());
        let sent = client
            .client
            .publish_with_headers(subject.clone(), headers, "order".into());
        sent.await.expect("published");

        let message = client.receive().await;
        drop(spans.instrumentation.process(&message));
        let processed = spans.named(&format!("process {subject}"));
        let parent = format!("{:016x}", processed.parent_span_id);
        assert_eq!(
            processed.span_context.trace_id().to_string(),
            carried[3..35]
        );
        // Of two that differ the one in title case counts.
        assert_eq!(parent == relayed[36..52], is_found);
        assert_eq!(parent == carried[36..52], !is_found);

        // Sent on from here, both are equal again.
        producer
            .republish(&message, subject.clone())
            .await
            .expect("published");
        let message = client.receive().await;
        let headers = text_headers(&message);
        let [(_, title), (_, lower)] = &headers[..] else {
            panic!("two headers, not {headers:?}")
        };
        assert_eq!(title, lower);
    }
}

/// Both count towards the server's limit: together 152 bytes, or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn both_spellings_fit_or_neither_is_written() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let producer = client
        .injecting(&spans.instrumentation)
        .with_spelling(Spelling::Both);
    let max_payload = client.client.max_payload();
    for (room, carried) in [(151, 0), (152, 2), (153, 2)] {
        let payload = vec![b'x'; max_payload - room];
        let publish = producer.publish(client.destination(), payload.into());
        publish.await.expect("it fits");
        let message = client.receive().await;
        assert_eq!(message.payload.len(), max_payload - room);
        assert_eq!(text_headers(&message).len(), carried, "{room}");
    }
    // Of a long baggage, as much as fits twice.
    let order = spans.root("order");
    let members = (0..100).map(|n| KeyValue::new(format!("key{n:02}"), "value"));
    let order = order.with_baggage(members);
    for room in [160, 500, 1000, 2000, 3000] {
        let payload = vec![b'x'; max_payload - room];
        let attached = order.clone().attach();
        let publish = producer.publish(client.destination(), payload.into());
        drop(attached);
        publish.await.expect("it fits");
        let headers = text_headers(&client.receive().await);
        let values = |name: &str| {
            let found = headers.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone())
        };
        assert!(values("traceparent").is_some(), "{room}");
        assert_eq!(values("traceparent"), values("Traceparent"), "{room}");
        assert_eq!(values("baggage"), values("Baggage"), "{room}");
        assert_eq!(values("baggage").is_some(), room > 160, "{room}");
    }
    let trace_id = order.span().span_context().trace_id();
    assert!(
        spans
            .all()
            .iter()
            .any(|span| span.span_context.trace_id() == trace_id)
    );
}
