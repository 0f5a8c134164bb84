//! The scenarios on a real broker.

use integration_tests::nats::Nats;

integration_tests::scenarios!(Nats, needs brokers);
integration_tests::counts!(Nats);

use futures_util::StreamExt;
use integration_tests::client::{Client, in_time};
use integration_tests::spans::{Spans, assert_child, assert_linked, assert_unfailed, attribute};
use opentelemetry::trace::{FutureExt, TraceContextExt};
use otel_messaging_async_nats::InjectingProducer;

/// The handler of a request answers it from inside its context; the request's span ends with the
/// reply.
///
/// Calls: `Client::request`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_request_and_its_reply_are_one_trace() {
    let (mut server, spans) = (Nats::connect().await, Spans::new());
    let subject = server.destination();
    let producer = InjectingProducer::new(server.client.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let order = spans.root("order");
    let attached = order.clone().attach();
    let request = producer.request(subject.clone(), "order".into());
    drop(attached);
    let answer = async {
        let message = server.receive().await;
        let answered = spans
            .instrumentation
            .with_message_context(&message, async |message| {
                let inbox = message.reply.clone().expect("a reply subject");
                producer
                    .publish(inbox, "done".into())
                    .await
                    .expect("published");
            });
        answered.await;
    };
    let (reply, ()) = in_time("a reply", async { tokio::join!(request, answer) }).await;
    let reply = reply.expect("a reply");
    let handled = spans
        .instrumentation
        .with_message_context(&reply, |_| async {});
    handled.await;

    let requested = spans.named(&format!("request {subject}"));
    let processed = spans.named(&format!("process {subject}"));
    // Inboxes are temporary, so they are in no span's name.
    let replied = spans.named("publish");
    let handled = spans.named("process");
    assert_child(&requested, order.span().span_context());
    assert_child(&processed, &requested.span_context);
    assert_linked(&processed, &requested.span_context);
    assert_child(&replied, &processed.span_context);
    assert_child(&handled, &replied.span_context);
    let temporary = attribute(&replied, "messaging.destination.temporary");
    assert_eq!(temporary, Some(true.into()));
    for span in [&requested, &replied] {
        assert_unfailed(span);
    }
}

/// The reply subject, the headers and the payload are the caller's.
///
/// Calls: `Client::publish_with_reply`, `Client::publish_with_reply_and_headers`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn publishing_with_a_reply_subject_keeps_it() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let subject = client.destination();
    let producer = InjectingProducer::new(client.client.clone())
        .with_instrumentation(spans.instrumentation.clone());
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
///
/// Calls: `Client::publish_with_headers`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_message_of_the_largest_size_goes_without_its_context() {
    let (mut client, spans) = (Nats::connect().await, Spans::new());
    let producer = InjectingProducer::new(client.client.clone())
        .with_instrumentation(spans.instrumentation.clone());
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
    assert!(otel_messaging::dropped_fields() >= 3);
}

/// The same for requests: it is their answer that fails here, not their size.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_request_of_the_largest_size_goes_without_its_context() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let producer = InjectingProducer::new(client.client.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let subject = integration_tests::client::unique("nobody");
    let payload = vec![b'x'; client.client.max_payload()];
    let refused = producer.request(subject, payload.into()).await;
    let kind = refused.expect_err("nobody answers").kind();
    assert_eq!(kind, async_nats::RequestErrorKind::NoResponders);
}

/// Nobody answers: the client's error, and the span's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn a_request_that_nobody_answers_marks_its_span() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let producer = InjectingProducer::new(client.client.clone())
        .with_instrumentation(spans.instrumentation.clone());
    let subject = integration_tests::client::unique("nobody");
    let refused = producer.request(subject.clone(), "order".into()).await;
    assert!(refused.is_err());
    let sent = spans.named(&format!("request {subject}"));
    assert_eq!(attribute(&sent, "error.type"), Some("NoResponders".into()));
}

/// Subscribers in a queue group, each with its own message, as the stream gives it.
///
/// Calls: `Client::queue_subscribe`, `Subscriber: Stream`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn handlers_may_run_concurrently_on_one_stream() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let subject = client.destination();
    let subscriber = client
        .client
        .queue_subscribe(subject.clone(), "workers".into());
    let subscriber = subscriber.await.expect("a subscription");
    client.client.flush().await.expect("a flush");
    for _ in 0..8 {
        let sent = client.send(Some(&spans.instrumentation), &[]);
        sent.with_context(spans.root("order")).await.expect("sent");
    }
    let handled = subscriber.take(8).for_each_concurrent(4, |message| {
        let processing = spans.instrumentation.process(&message);
        processing.run(async move {
            let carried = Nats::headers(&message)[0].1[3..35].to_owned();
            tokio::task::yield_now().await;
            let current = opentelemetry::Context::current();
            let trace_id = current.span().span_context().trace_id();
            assert_eq!(carried, format!("{trace_id:032x}"));
        })
    });
    in_time("eight messages", handled).await;
}

/// A publish may be made in one span and awaited in another: it belongs to the first.
///
/// Calls: `Client::publish`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
async fn the_context_is_that_of_the_call() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let producer = InjectingProducer::new(client.client.clone())
        .with_instrumentation(spans.instrumentation.clone());
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
