//! The client as a sink.

use async_nats::client::PublishErrorKind;
use async_nats::message::OutboundMessage;
use async_nats::{ConnectOptions, HeaderMap};
use futures_util::future::{poll_fn, poll_immediate};
use futures_util::{SinkExt, StreamExt, stream};
use integration_tests::client::{Client, address, in_time};
use integration_tests::nats::{Nats, text_headers};
use integration_tests::spans::{Spans, assert_child, assert_unfailed, attribute, traceparent};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::{FutureExt, TraceContextExt};
use otel_messaging_async_nats::InjectingProducer;

/// Each message has a span and a context of its own, below that of whoever hands it over, and
/// keeps its reply subject and its headers.
#[apply(broker_test)]
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
#[apply(broker_test)]
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

/// A full client makes the sink wait, as it makes its own; there is no span before the message is
/// taken.
#[apply(broker_test)]
async fn a_full_client_makes_the_sink_wait() {
    let (mut receiver, spans) = (Nats::connect().await, Spans::new());
    let options = ConnectOptions::new().client_capacity(1);
    let client = options.connect(address("NATS_URL")).await;
    let producer = InjectingProducer::new(client.expect("connected"))
        .with_instrumentation(spans.instrumentation.clone());
    let message = |payload: &'static str| OutboundMessage {
        subject: receiver.subject.clone().into(),
        reply: None,
        payload: payload.into(),
        headers: None,
    };
    let (mut first, mut second) = (producer.clone(), producer);
    // The one place is for the first.
    poll_fn(|cx| first.poll_ready_unpin(cx))
        .await
        .expect("ready");
    let mut fed = second.feed(message("2"));
    assert!(poll_immediate(&mut fed).await.is_none());
    drop(fed);
    assert_eq!(spans.all().len(), 0);
    let mut fed = second.feed(message("2"));
    assert!(poll_immediate(&mut fed).await.is_none());
    first.start_send_unpin(message("1")).expect("taken");
    in_time("the place", fed).await.expect("taken");
    in_time("a flush", second.flush()).await.expect("taken");
    for (payload, sent) in ["1", "2"].into_iter().zip(spans.all()) {
        let message = receiver.receive().await;
        assert_eq!(&message.payload[..], payload.as_bytes());
        let carried = traceparent(&sent.span_context);
        assert_eq!(text_headers(&message)[0].1, carried);
    }
    assert_eq!(spans.all().len(), 2);
}
