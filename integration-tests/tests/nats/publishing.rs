//! The publishing methods.

use async_nats::client::PublishErrorKind;
use async_nats::client::traits::Publisher;
use integration_tests::client::Client;
use integration_tests::nats::{Nats, connect};
use integration_tests::spans::{Spans, assert_child, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::{FutureExt, TraceContextExt};

/// A publish may be made in one span and awaited in another: it belongs to the first.
#[apply(broker_test)]
async fn the_context_is_that_of_the_call() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let subject = client.destination();
    let order = spans.root("order");
    let attached = order.clone().attach();
    let publish = producer.publish(subject.clone(), "order".into());
    drop(attached);
    let published = publish.with_context(spans.root("another order")).await;
    published.expect("published");
    let sent = spans.named(&format!("publish {subject}"));
    assert_child(&sent, order.span().span_context());
}

/// The reply subject, the headers and the payload are the caller's.
#[apply(broker_test)]
async fn publishing_with_a_reply_subject_keeps_it() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let subject = client.destination();
    let producer = client.injecting(&spans.instrumentation);
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", "m-7");
    let publish = producer.publish_with_reply_and_headers(
        subject.clone(),
        "replies",
        headers,
        "order".into(),
    );
    publish.await.expect("published");
    let message = client.receive().await;
    assert_eq!(message.reply.as_deref(), Some("replies"));
    assert_eq!(&message.payload[..], b"order");
    let names: Vec<_> = Nats::headers(&message)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["Nats-Msg-Id", "traceparent"]);
    let sent = spans.named(&format!("publish {subject}"));
    assert_eq!(attribute(&sent, "messaging.message.id"), Some("m-7".into()));

    let order = spans.root("order");
    let attached = order.clone().attach();
    let publish = producer.publish_with_reply(subject.clone(), "replies", "order".into());
    drop(attached);
    publish.await.expect("published");
    let message = client.receive().await;
    assert_eq!(message.reply.as_deref(), Some("replies"));
    let trace_id = order.span().span_context().trace_id();
    assert_eq!(
        Nats::headers(&message)[0].1[3..35],
        format!("{trace_id:032x}")
    );
}

/// Headers count towards the server's limit. A message that fits without its context goes without
/// it, and with its caller's headers.
#[apply(broker_test)]
async fn a_message_of_the_largest_size_goes_without_its_context() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let max_payload = client.client.max_payload();
    // The block is 82 bytes: 12 around the lines, 13 for `traceparent: `, 55, and a line break.
    for (room, carried) in [(0, 0), (81, 0), (82, 1)] {
        let payload = vec![b'x'; max_payload - room];
        let publish = producer.publish(client.destination(), payload.into());
        publish.await.expect("it fits");
        let message = client.receive().await;
        assert_eq!(message.payload.len(), max_payload - room);
        assert_eq!(Nats::headers(&message).len(), carried, "{room}");
    }

    // 12 around the lines, 26 for the caller's and 14 for an older context, which does not stay.
    let own = ("order".to_owned(), "of the customer's".to_owned());
    let mut headers = async_nats::HeaderMap::new();
    headers.insert(own.0.as_str(), own.1.as_str());
    headers.insert("baggage", "a=1");
    let payload = vec![b'x'; max_payload - 12 - 26 - 14];
    let publish = producer.publish_with_headers(client.destination(), headers, payload.into());
    publish.await.expect("it fits");
    assert_eq!(Nats::headers(&client.receive().await), [own]);
    assert!(otel_messaging::loss::dropped_fields() >= 3);
}

/// A reply subject is written into the line of the protocol: the client refuses one that would be another line.
#[apply(broker_test)]
async fn a_reply_subject_that_is_none_is_refused_as_by_the_client() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let bare = connect().await;
    for (place, reply) in ["", "no reply", "a 0\r\n\r\nPUB other 1"]
        .into_iter()
        .enumerate()
    {
        let subject = format!("{}.{place}", client.destination());
        let producer = client.injecting(&spans.instrumentation);
        let refused = [
            bare.publish_with_reply(subject.clone(), reply, "order".into())
                .await,
            producer
                .publish_with_reply(subject.clone(), reply, "order".into())
                .await,
            producer
                .publish_with_reply_and_headers(
                    subject.clone(),
                    reply,
                    async_nats::HeaderMap::new(),
                    "order".into(),
                )
                .await,
            Publisher::publish_with_reply(&producer, subject.clone(), reply, "order".into()).await,
        ];
        for refused in refused {
            let kind = refused.expect_err("no reply subject").kind();
            assert_eq!(kind, PublishErrorKind::InvalidSubject, "{reply:?}");
        }
        let ended = spans.all();
        let name = format!("publish {subject}");
        let sent: Vec<_> = ended.iter().filter(|span| span.name == name).collect();
        assert_eq!(sent.len(), 3);
        for sent in sent {
            let error_type = attribute(sent, "error.type");
            assert_eq!(error_type, Some("InvalidSubject".into()));
        }
    }
}
