//! Code that is generic over the traits of JetStream's context.

use async_nats::client::traits as core_traits;
use async_nats::jetstream::account::Account;
use async_nats::jetstream::context::traits::{
    Publisher, RequestSender, Requester, TimeoutProvider,
};
use async_nats::jetstream::message::OutboundMessage;
use async_nats::{ConnectOptions, HeaderMap, Request, RequestErrorKind, jetstream, message};
use integration_tests::client::{Client, address, in_time, unique};
use integration_tests::nats::{JetStream, Nats, text_headers};
use integration_tests::spans::{Spans, assert_child, assert_unfailed, attribute, traceparent};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::{FutureExt, TraceContextExt};
use otel_messaging_async_nats::InjectingProducer;
use std::time::Duration;

/// A function of a program that takes any context.
async fn publish_twice<C>(context: &C, subject: &str)
where
    C: Publisher + Requester + RequestSender + TimeoutProvider,
{
    assert!(context.timeout() > Duration::ZERO);
    let pending = context.publish(subject.to_owned(), "1".into()).await;
    let ack = pending.expect("published").await.expect("stored");
    assert_eq!(ack.sequence, 1);
    let mut headers = HeaderMap::new();
    headers.insert("order", "7");
    let message = OutboundMessage::new(subject.into(), "2".into(), Some(headers));
    let pending = context.publish_message(message).await;
    let ack = pending.expect("published").await.expect("stored");
    assert_eq!(ack.sequence, 2);
    let account: Account = context.request("INFO", &()).await.expect("an answer");
    assert!(account.streams > 0);
    let asked = context.send_request("INFO", Request::new());
    asked.await.expect("published");
}

/// The wrapper in place of the context: every message that leaves carries its context, and what is
/// asked of the server has no span.
#[apply(broker_test)]
async fn generic_code_injects() {
    let (mut client, spans) = (JetStream::connect().await, Spans::new());
    let (subject, order) = (client.subject.clone(), spans.root("order"));
    let producer = client.injecting(&spans.instrumentation);
    let work = publish_twice(&producer, &subject).with_context(order.clone());
    in_time("two messages", work).await;
    let sent = spans.all();
    assert_eq!(sent.len(), 2);
    for (n, sent) in sent.iter().enumerate() {
        assert_eq!(sent.name, format!("publish {subject}"));
        assert_child(sent, order.span().span_context());
        assert_unfailed(sent);
        let message = client.receive().await;
        let mut expected = vec![("traceparent".to_owned(), traceparent(&sent.span_context))];
        if n == 1 {
            expected.insert(0, ("order".to_owned(), "7".to_owned()));
        }
        assert_eq!(text_headers(&message), expected);
    }
}

/// A function of a program that takes any client of core NATS.
async fn ask<C>(client: &C, subject: &str)
where
    C: core_traits::Publisher + core_traits::Requester,
{
    let with_reply = client.publish_with_reply(subject.to_owned(), "replies", "1".into());
    with_reply.await.expect("published");
    let message = message::OutboundMessage {
        subject: subject.into(),
        reply: None,
        payload: "2".into(),
        headers: None,
    };
    client.publish_message(message).await.expect("published");
    let request = Request::new().payload("3".into());
    let refused = client.send_request(unique("nobody"), request).await;
    refused.expect_err("nobody answers");
}

/// A context publishes on core NATS too, by the traits of the client.
#[apply(broker_test)]
async fn code_that_is_generic_over_the_clients_traits_injects() {
    let (mut receiver, client) = (Nats::connect().await, JetStream::connect().await);
    let (spans, subject) = (Spans::new(), receiver.destination());
    let order = spans.root("order");
    let producer = client.injecting(&spans.instrumentation);
    in_time(
        "messages",
        ask(&producer, &subject).with_context(order.clone()),
    )
    .await;
    let sent = spans.all();
    assert_eq!(sent.len(), 3);
    for sent in &sent[..2] {
        assert_child(sent, order.span().span_context());
        let message = receiver.receive().await;
        let expected = [("traceparent".to_owned(), traceparent(&sent.span_context))];
        assert_eq!(text_headers(&message), expected);
    }
    assert!(matches!(
        sent[2].status,
        opentelemetry::trace::Status::Error { .. }
    ));
}

/// A context's requests wait as long as the context does, and its messages' errors are their
/// spans'.
#[apply(broker_test)]
async fn a_contexts_request_carries_its_context() {
    let (mut receiver, spans) = (Nats::connect().await, Spans::new());
    let (subject, patience) = (receiver.destination(), Duration::from_millis(50));
    // The client itself would wait for ever.
    let options = ConnectOptions::new().request_timeout(None);
    let client = options.connect(address("NATS_URL")).await;
    let client = client.expect("connected");
    let max_payload = client.max_payload();
    let context = jetstream::ContextBuilder::new()
        .timeout(patience)
        .build(client);
    let producer =
        InjectingProducer::new(context).with_instrumentation(spans.instrumentation.clone());
    assert_eq!(TimeoutProvider::timeout(&producer), patience);
    let mut headers = HeaderMap::new();
    headers.insert("order", "7");
    for (size, fields) in [(5, 2), (max_payload - 30, 1)] {
        let request = Request::new().headers(headers.clone());
        let request = request.payload(vec![b'x'; size].into());
        let asked = core_traits::Requester::send_request(&producer, subject.clone(), request);
        let refused = in_time("a time-out", asked).await;
        let error = refused.expect_err("nobody answers");
        assert_eq!(error.kind(), RequestErrorKind::TimedOut);
        let message = receiver.receive().await;
        assert_eq!(message.payload.len(), size);
        let arrived = text_headers(&message);
        assert_eq!(arrived[0], ("order".to_owned(), "7".to_owned()));
        assert_eq!(arrived.len(), fields);
        let sent = spans.all().pop().expect("a span");
        assert_eq!(attribute(&sent, "error.type"), Some("TimedOut".into()));
        if let Some((_, carried)) = arrived.get(1) {
            assert_eq!(*carried, traceparent(&sent.span_context));
        }
    }
    let message = message::OutboundMessage {
        subject: "no subject".into(),
        reply: None,
        payload: "order".into(),
        headers: None,
    };
    let refused = core_traits::Publisher::publish_message(&producer, message).await;
    refused.expect_err("a space in a subject");
    let sent = spans.named("publish no subject");
    let error_type = attribute(&sent, "error.type");
    assert_eq!(error_type, Some("InvalidSubject".into()));
}

/// What the context asks of the server itself.
#[apply(broker_test)]
async fn calls_of_jetstreams_api_have_no_span() {
    let (client, spans) = (JetStream::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let context = producer.get_ref();
    let account: Account = context.request("INFO", &()).await.expect("an answer");
    assert!(account.streams > 0);
    let mut inbox = Nats::connect().await;
    let request = Request::new().inbox(inbox.destination());
    context
        .send_request("INFO", request)
        .await
        .expect("published");
    let answer = inbox.receive().await;
    assert!(answer.headers.is_none());
    assert!(spans.all().is_empty());
}
