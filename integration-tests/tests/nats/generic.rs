//! Code that is generic over the client's traits.

use async_nats::client::PublishErrorKind;
use async_nats::client::traits::{Publisher, Requester, Subscriber, TimeoutProvider};
use async_nats::message::OutboundMessage;
use async_nats::{Message, Request};
use futures_util::StreamExt;
use integration_tests::client::{in_time, unique};
use integration_tests::nats::{connect, text_headers};
use integration_tests::spans::{Spans, assert_child, attribute, traceparent};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::{FutureExt, TraceContextExt};
use otel_messaging_async_nats::InjectingProducer;

/// A function of a program that takes any client.
async fn subscribe_and_publish<C>(client: &C, subject: &str) -> Vec<Message>
where
    C: Publisher + Requester + Subscriber + TimeoutProvider,
{
    assert!(client.timeout().is_some());
    let subscribed = client.subscribe(subject.to_owned()).await;
    let mut messages = subscribed.expect("a subscription");
    let with_reply = client.publish_with_reply(subject.to_owned(), "replies", "1".into());
    with_reply.await.expect("published");
    let message = OutboundMessage {
        subject: subject.into(),
        reply: Some("answers".into()),
        payload: "2".into(),
        headers: None,
    };
    client.publish_message(message).await.expect("published");
    let first = messages.next().await.expect("a message");
    let second = messages.next().await.expect("a message");
    let answer = async {
        let request = messages.next().await.expect("a request");
        let inbox = request.reply.clone().expect("a reply subject");
        let done = OutboundMessage {
            subject: inbox,
            reply: None,
            payload: "4".into(),
            headers: request.headers.clone(),
        };
        client.publish_message(done).await.expect("published");
        request
    };
    let request = Request::new().payload("3".into());
    let ask = client.send_request(subject.to_owned(), request);
    let (third, fourth) = tokio::join!(answer, ask);
    vec![first, second, third, fourth.expect("a reply")]
}

/// The wrapper in place of the client: every message that leaves carries its context.
#[apply(broker_test)]
async fn generic_code_injects() {
    let (client, spans) = (connect().await, Spans::new());
    let (subject, order) = (unique("orders"), spans.root("order"));
    let producer =
        InjectingProducer::new(client).with_instrumentation(spans.instrumentation.clone());
    let work = subscribe_and_publish(&producer, &subject).with_context(order.clone());
    let messages = in_time("four messages", work).await;

    let payloads: Vec<_> = messages
        .iter()
        .map(|message| &message.payload[..])
        .collect();
    assert_eq!(payloads, [b"1", b"2", b"3", b"4"]);
    assert_eq!(messages[0].reply.as_deref(), Some("replies"));
    assert_eq!(messages[1].reply.as_deref(), Some("answers"));
    let (published, requested) = (format!("publish {subject}"), format!("request {subject}"));
    let names = [&*published, &published, &requested, "publish"];
    let spans = spans.all();
    assert_eq!(spans.len(), 4);
    for (message, name) in messages.iter().zip(names) {
        let headers = text_headers(message);
        let [(key, carried)] = &headers[..] else {
            panic!("one header, not {headers:?}")
        };
        assert_eq!(key, "traceparent");
        let sent = spans
            .iter()
            .find(|span| traceparent(&span.span_context) == *carried);
        let sent = sent.expect("the span of the message");
        assert_eq!(sent.name, name);
        assert_child(sent, order.span().span_context());
    }
}

/// A future of a trait's method belongs to the context in which it was made, and its error to the
/// span.
#[apply(broker_test)]
async fn the_context_of_a_generic_publish_is_that_of_the_call() {
    let (client, spans) = (connect().await, Spans::new());
    let order = spans.root("order");
    let producer =
        InjectingProducer::new(client).with_instrumentation(spans.instrumentation.clone());
    let attached = order.clone().attach();
    let publish = producer.publish_message(OutboundMessage {
        subject: "no subject".into(),
        reply: None,
        payload: "order".into(),
        headers: None,
    });
    drop(attached);
    let refused = publish.with_context(spans.root("another order")).await;
    let kind = refused.expect_err("a space in a subject").kind();
    assert_eq!(kind, PublishErrorKind::InvalidSubject);
    let sent = spans.named("publish no subject");
    assert_child(&sent, order.span().span_context());
    assert_eq!(
        attribute(&sent, "error.type"),
        Some("InvalidSubject".into())
    );
}
