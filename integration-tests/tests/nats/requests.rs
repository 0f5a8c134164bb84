//! Requests and their replies.

use async_nats::{HeaderMap, Request, RequestErrorKind};
use integration_tests::client::{Client, in_time, unique};
use integration_tests::nats::{Nats, as_delivered, text_headers};
use integration_tests::spans::{Spans, assert_child, assert_linked, assert_unfailed, attribute};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::{Status, TraceContextExt};
use std::time::Duration;

/// The handler of a request answers it from inside its context; the request's span ends with the
/// reply.
#[apply(broker_test)]
async fn a_request_and_its_reply_are_one_trace() {
    let (mut server, spans) = (Nats::connect().await, Spans::new());
    let subject = server.destination();
    let producer = server.injecting(&spans.instrumentation);
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

/// Nobody answers: the client's error, and the span's.
#[apply(broker_test)]
async fn a_request_that_nobody_answers_marks_its_span() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let subject = unique("nobody");
    let refused = producer.request(subject.clone(), "order".into()).await;
    assert!(refused.is_err());
    let sent = spans.named(&format!("request {subject}"));
    assert_eq!(attribute(&sent, "error.type"), Some("NoResponders".into()));
}

/// The same for requests: it is their answer that fails here, not their size.
#[apply(broker_test)]
async fn a_request_of_the_largest_size_goes_without_its_context() {
    let (client, spans) = (Nats::connect().await, Spans::new());
    let producer = client.injecting(&spans.instrumentation);
    let subject = unique("nobody");
    let payload = vec![b'x'; client.client.max_payload()];
    let refused = producer.request(subject, payload.into()).await;
    let kind = refused.expect_err("nobody answers").kind();
    assert_eq!(kind, async_nats::RequestErrorKind::NoResponders);
}

/// Somebody is there and does not answer: the span fails when the caller's patience ends.
#[apply(broker_test)]
async fn a_request_that_times_out_marks_its_span() {
    let (mut server, spans) = (Nats::connect().await, Spans::new());
    let subject = server.destination();
    let producer = server.injecting(&spans.instrumentation);
    let request = Request::new().timeout(Some(Duration::from_millis(50)));
    let refused = producer.send_request(subject.clone(), request).await;
    let error = refused.expect_err("nobody answers");
    assert_eq!(error.kind(), RequestErrorKind::TimedOut);
    server.receive().await;
    let sent = spans.named(&format!("request {subject}"));
    assert_eq!(attribute(&sent, "error.type"), Some("TimedOut".into()));
    assert_eq!(sent.status, Status::error(error.to_string()));
}

/// The inbox, the headers and the payload are the caller's.
#[apply(broker_test)]
async fn a_request_keeps_what_its_caller_gave() {
    let (mut server, spans) = (Nats::connect().await, Spans::new());
    let subject = server.destination();
    let producer = server.injecting(&spans.instrumentation);
    let mut headers = HeaderMap::new();
    headers.insert("order", "7");
    headers.insert("Traceparent", "old");
    let inbox = unique("answers");
    let request = Request::new()
        .headers(headers.clone())
        .payload("order".into())
        .inbox(inbox.clone());
    let answer = async {
        for expected in [Some(&*inbox), None] {
            let message = server.receive().await;
            let reply = message.reply.clone().expect("a reply subject");
            assert_eq!(&message.payload[..], b"order");
            assert!(expected.is_none_or(|expected| expected == &*reply));
            let arrived = text_headers(&message);
            let carried = &arrived[arrived.len() - 1].1;
            let expected = [
                ("order", "7"),
                // Somebody who writes title case reads it.
                ("Traceparent", carried),
                ("traceparent", carried),
            ];
            assert_eq!(arrived, as_delivered(&server.client, &expected));
            let answered = server.client.publish(reply, "done".into());
            answered.await.expect("published");
        }
    };
    let ask = async {
        let reply = producer.send_request(subject.clone(), request).await;
        reply.expect("a reply");
        let request = producer.request_with_headers(subject.clone(), headers, "order".into());
        request.await.expect("a reply");
    };
    in_time("two replies", async { tokio::join!(ask, answer) }).await;
    for sent in spans.all() {
        assert_eq!(sent.name, format!("request {subject}"));
        assert_unfailed(&sent);
    }
    assert_eq!(spans.all().len(), 2);
}

/// A reply by which a service says that it failed is no error of the call, and one of the span.
#[apply(broker_test)]
async fn what_a_failed_service_answers_marks_the_requests_span() {
    let long = "ä".repeat(1000);
    let cases = [
        ("503", "out of stock", "503", "out of stock"),
        ("\u{1f642}", long.as_str(), "service_error", &long[..1024]),
    ];
    for (code, text, error_type, description) in cases {
        let (mut server, spans) = (Nats::connect().await, Spans::new());
        let subject = server.destination();
        let producer = server.injecting(&spans.instrumentation);
        let answer = async {
            let message = server.receive().await;
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Service-Error-Code", code);
            headers.insert("Nats-Service-Error", text);
            let inbox = message.reply.expect("a reply subject");
            let client = &server.client;
            let answered = client.publish_with_headers(inbox, headers, "".into());
            answered.await.expect("published");
        };
        let request = producer.request(subject.clone(), "order".into());
        let both = async { tokio::join!(request, answer) };
        let (reply, ()) = in_time("a reply", both).await;
        let headers = text_headers(&reply.expect("a reply"));
        assert_eq!(
            headers[1],
            ("Nats-Service-Error-Code".to_owned(), code.to_owned())
        );
        let sent = spans.named(&format!("request {subject}"));
        let found = attribute(&sent, "error.type");
        assert_eq!(found, Some(error_type.to_owned().into()));
        assert_eq!(sent.status, Status::error(description.to_owned()));
    }
}
