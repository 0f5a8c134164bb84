//! The client as a sink.

use async_nats::HeaderMap;
use async_nats::client::PublishErrorKind;
use async_nats::message::OutboundMessage;
use futures_util::{SinkExt, StreamExt, stream};
use integration_tests::client::{Client, in_time};
use integration_tests::nats::{Nats, text_headers};
use integration_tests::spans::{Spans, assert_child, assert_unfailed, attribute, traceparent};
use opentelemetry::trace::{FutureExt, TraceContextExt};

/// Each message has a span and a context of its own, below that of whoever hands it over, and
/// keeps its reply subject and its headers.
///
/// Calls: `Client: Sink<message::OutboundMessage>`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn what_is_fed_or_sent_through_the_sink_carries_its_context() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let (subject, order) = (client.destination(), spans.root("order"));
    let mut sink = client.injecting(&spans.instrumentation);
    let mut headers = HeaderMap::new();
    headers.insert("order", "7");
    let message = |n: usize| OutboundMessage {
        subject: subject.clone().into(),
        reply: Some("replies".into()),
        payload: n.to_string().into(),
        headers: (n > 0).then(|| headers.clone()),
    };
    let work = async {
        sink.feed(message(0)).await.expect("taken");
        sink.send(message(1)).await.expect("taken");
        let mut rest = stream::iter((2..100).map(message).map(Ok));
        sink.send_all(&mut rest).await.expect("taken");
        sink.close().await.expect("closed");
    };
    in_time("a hundred messages", work.with_context(order.clone())).await;

    let sent = spans.all();
    assert_eq!(sent.len(), 100);
    for (n, sent) in sent.iter().enumerate() {
        assert_eq!(sent.name, format!("publish {subject}"));
        assert_child(sent, order.span().span_context());
        assert_unfailed(sent);
        let message = client.receive().await;
        assert_eq!(message.payload, n.to_string());
        assert_eq!(message.reply.as_deref(), Some("replies"));
        let mut expected = vec![("traceparent".to_owned(), traceparent(&sent.span_context))];
        if n > 0 {
            expected.insert(0, ("order".to_owned(), "7".to_owned()));
        }
        assert_eq!(text_headers(&message), expected);
    }
}

/// The sink's own error, which marks the span; the sink goes on.
///
/// Calls: `Client: Sink<message::OutboundMessage>`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn what_the_sink_refuses_marks_its_span() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let subject = client.destination();
    let mut sink = client.injecting(&spans.instrumentation);
    let max_payload = client.client.max_payload();
    let sizes = [max_payload + 1, max_payload, 1];
    let messages = stream::iter(sizes).map(|size| OutboundMessage {
        subject: subject.clone().into(),
        reply: None,
        payload: vec![b'x'; size].into(),
        headers: None,
    });
    let mut messages = messages.map(Ok);
    let refused = in_time("messages", sink.send_all(&mut messages)).await;
    let kind = refused.expect_err("it is too large").kind();
    assert_eq!(kind, PublishErrorKind::MaxPayloadExceeded);
    let failed = spans.named(&format!("publish {subject}"));
    let error_type = attribute(&failed, "error.type");
    assert_eq!(error_type, Some("MaxPayloadExceeded".into()));

    // At the limit there is no room for a context.
    let taken = in_time("messages", sink.send_all(&mut messages)).await;
    taken.expect("both fit");
    for (size, headers) in [(max_payload, 0), (1, 1)] {
        let message = client.receive().await;
        assert_eq!(message.payload.len(), size);
        assert_eq!(text_headers(&message).len(), headers);
    }
    assert_eq!(spans.all().len(), 3);
}
