//! Services by async-nats' service API.

use async_nats::client::PublishErrorKind;
use async_nats::service::error::Error;
use async_nats::service::{Service, endpoint::Endpoint};
use async_nats::{Client, HeaderMap, Request};
use futures_util::StreamExt;
use integration_tests::client::{in_time, unique};
use integration_tests::nats::{as_delivered, connect, start_service, text_headers};
use integration_tests::spans::{
    Spans, assert_child, assert_linked, assert_messaging, assert_unfailed, attribute, traceparent,
};
use integration_tests::{apply, broker_test};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt};
use otel_messaging_async_nats::loss::dropped_fields;
use otel_messaging_async_nats::{InjectingProducer, InjectingRequest, Spelling};
use std::time::Duration;

/// A service with one endpoint.
struct Shop {
    client: Client,
    subject: String,
    service: Service,
    orders: Endpoint,
}

impl Shop {
    async fn open() -> Self {
        let (client, subject) = (connect().await, unique("orders"));
        let (service, orders) = start_service(&client, &subject).await;
        Self {
            client,
            subject,
            service,
            orders,
        }
    }

    async fn next(&mut self, spans: &Spans) -> InjectingRequest {
        self.next_spelled(spans, Spelling::default()).await
    }

    async fn next_spelled(&mut self, spans: &Spans, spelling: Spelling) -> InjectingRequest {
        let request = in_time("a request", self.orders.next()).await;
        let request = request.expect("the service goes on");
        let producer = self.requester(spans).with_spelling(spelling);
        producer.injecting_request(request)
    }

    fn requester(&self, spans: &Spans) -> InjectingProducer<Client> {
        InjectingProducer::new(self.client.clone())
            .with_instrumentation(spans.instrumentation.clone())
    }

    /// Requests and errors, by the endpoint's statistics.
    async fn counted(&self) -> (usize, usize) {
        let stats = self.service.stats().await;
        let of_orders = &stats[&self.subject];
        (of_orders.requests, of_orders.errors)
    }
}

/// The request, its processing and its answer are one trace.
#[apply(broker_test)]
async fn a_request_its_processing_and_its_answer_are_one_trace() {
    let (mut shop, spans) = (Shop::open().await, Spans::new());
    let (requester, order) = (shop.requester(&spans), spans.root("order"));
    let subject = shop.subject.clone();
    let attached = order.clone().attach();
    let request = requester.request(subject.clone(), "order".into());
    drop(attached);
    let serve = async {
        let request = shop.next(&spans).await;
        let answered = spans
            .instrumentation
            .try_with_message_context(&request, async |request| {
                assert_eq!(&request.message().payload[..], b"order");
                spans.work("work");
                request.respond(Ok("done".into())).await
            });
        answered.await.expect("answered");
    };
    let both = async { tokio::join!(request, serve) };
    let (reply, ()) = in_time("an answer", both).await;
    let reply = reply.expect("an answer");
    assert_eq!(&reply.payload[..], b"done");

    let requested = spans.named(&format!("request {subject}"));
    let processed = spans.named(&format!("process {subject}"));
    let responded = spans.named("respond");
    assert_child(&requested, order.span().span_context());
    assert_child(&processed, &requested.span_context);
    assert_linked(&processed, &requested.span_context);
    assert_child(&spans.named("work"), &processed.span_context);
    assert_child(&responded, &processed.span_context);
    assert_messaging(&responded, SpanKind::Producer, "nats", ["respond", "send"]);
    let temporary = attribute(&responded, "messaging.destination.temporary");
    assert_eq!(temporary, Some(true.into()));
    for span in [&requested, &processed, &responded] {
        assert_unfailed(span);
    }
    let expected = [(
        "traceparent".to_owned(),
        traceparent(&responded.span_context),
    )];
    assert_eq!(text_headers(&reply), expected);
    assert_eq!(shop.counted().await, (1, 0));
}

/// The headers of an answer are the caller's, beside the context in the spellings that were asked
/// for.
#[apply(broker_test)]
async fn an_answer_keeps_its_headers() {
    let (mut shop, spans) = (Shop::open().await, Spans::new());
    let requester = shop.requester(&spans);
    let request = requester.request(shop.subject.clone(), "order".into());
    let serve = async {
        let request = shop.next_spelled(&spans, Spelling::Both).await;
        let mut headers = HeaderMap::new();
        headers.insert("Order", "7");
        headers.insert("TRACEPARENT", "old");
        let answered = request.respond_with_headers(Ok("done".into()), headers);
        answered.await.expect("answered");
    };
    let both = async { tokio::join!(request, serve) };
    let (reply, ()) = in_time("an answer", both).await;
    let headers = text_headers(&reply.expect("an answer"));
    let carried = &headers[headers.len() - 1].1;
    assert_ne!(carried, "old");
    let expected = [
        ("Order", "7"),
        ("Traceparent", carried),
        ("traceparent", carried),
    ];
    assert_eq!(headers, as_delivered(&shop.client, &expected));
    assert_eq!(shop.counted().await, (1, 0));
}

/// The service's error reaches the one who asked; the spans of both who failed are marked, and that
/// of the answer, which was sent, is not.
#[apply(broker_test)]
async fn an_error_is_answered_and_marks_the_request() {
    let (mut shop, spans) = (Shop::open().await, Spans::new());
    let requester = shop.requester(&spans);
    let subject = shop.subject.clone();
    let request = requester.request(subject.clone(), "order".into());
    let serve = async {
        let request = shop.next(&spans).await;
        let handled = spans
            .instrumentation
            .try_with_message_context(&request, async |request| {
                let error = Error {
                    code: 503,
                    status: "out of stock".to_owned(),
                };
                let answered = request.respond(Err(error.clone())).await;
                answered.expect("answered");
                Err::<(), _>(error)
            });
        handled.await.expect_err("out of stock");
    };
    let both = async { tokio::join!(request, serve) };
    let (reply, ()) = in_time("an answer", both).await;
    let headers = text_headers(&reply.expect("an answer"));

    let responded = spans.named("respond");
    let carried = traceparent(&responded.span_context);
    let expected = [
        ("Nats-Service-Error", "out of stock"),
        ("Nats-Service-Error-Code", "503"),
        ("traceparent", &carried),
    ];
    assert_eq!(headers, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    assert_unfailed(&responded);
    let code = attribute(&responded, "nats.service_error_code");
    assert_eq!(code, Some(503.into()));
    let requested = spans.named(&format!("request {subject}"));
    assert_eq!(attribute(&requested, "error.type"), Some("503".into()));
    assert_eq!(requested.status, Status::error("out of stock"));
    let processed = spans.named(&format!("process {subject}"));
    assert!(matches!(processed.status, Status::Error { .. }));
    assert_child(&responded, &processed.span_context);
    assert_eq!(shop.counted().await, (1, 1));
}

/// The handler of a request dies: its span says so, the one who asked gives up, and the next
/// request is served.
#[apply(broker_test)]
async fn a_panic_ends_its_span_and_nothing_else() {
    let (mut shop, spans) = (Shop::open().await, Spans::new());
    let requester = shop.requester(&spans);
    let subject = shop.subject.clone();
    let request = Request::new().timeout(Some(Duration::from_millis(100)));
    let refused = requester.send_request(subject.clone(), request);
    let die = async {
        let request = shop.next(&spans).await;
        let processing = spans.instrumentation.process(&request);
        let handler = processing.run(async move {
            // It was about to answer.
            let _answer = request.respond(Ok("done".into()));
            panic!("out of memory");
        });
        tokio::spawn(handler).await.expect_err("a panic");
    };
    let both = async { tokio::join!(refused, die) };
    let (refused, ()) = in_time("a time-out", both).await;
    refused.expect_err("nobody answers");
    let processed = spans.named(&format!("process {subject}"));
    assert_eq!(attribute(&processed, "error.type"), Some("panic".into()));
    let answer = spans.named("respond");
    assert_unfailed(&answer);
    assert_child(&answer, &processed.span_context);

    let request = requester.request(subject, "order".into());
    let serve = async {
        let request = shop.next(&spans).await;
        request.respond(Ok("done".into())).await.expect("answered");
    };
    let both = async { tokio::join!(request, serve) };
    in_time("an answer", both).await.0.expect("an answer");
    assert_eq!(shop.counted().await, (1, 0));
}

/// An answer of any size that the server takes is sent, with its context where there is room.
#[apply(broker_test)]
async fn a_large_answer_goes_without_its_context() {
    let (mut shop, spans) = (Shop::open().await, Spans::new());
    let requester = shop.requester(&spans);
    let limit = shop.client.max_payload();
    // The answer's size, its headers.
    let cases = [(limit - 82, 1), (limit - 81, 0), (limit, 0)];
    let mut counted = 0;
    for (size, headers) in cases {
        let request = requester.request(shop.subject.clone(), "order".into());
        let serve = async {
            let request = shop.next(&spans).await;
            let answered = request.respond(Ok(vec![b'x'; size].into()));
            answered.await.expect("answered");
        };
        let both = async { tokio::join!(request, serve) };
        let reply = in_time("an answer", both).await.0.expect("an answer");
        assert_eq!(reply.payload.len(), size);
        assert_eq!(text_headers(&reply).len(), headers, "{size}");
        counted += 1;
        assert_eq!(shop.counted().await, (counted, 0));
    }
    for span in spans.all() {
        assert_unfailed(&span);
    }

    // An error's text counts as well: at the limit, with the names and the lines around it.
    let text =
        limit - 12 - "Nats-Service-Error: ".len() - "\r\nNats-Service-Error-Code: 503\r\n".len();
    // What is too large by itself is tried once.
    let cases = [
        (Err("x".repeat(text)), true),
        (Err("x".repeat(text + 1)), false),
        (Ok(vec![b'x'; limit + 1].into()), false),
    ];
    for (n, (response, is_sent)) in cases.into_iter().enumerate() {
        // Headers of that size take their reader some time.
        let patience = Duration::from_millis(if is_sent { 10_000 } else { 100 });
        let asked = Request::new().timeout(Some(patience));
        let request = requester.send_request(shop.subject.clone(), asked);
        let serve = async {
            let request = shop.next(&spans).await;
            let response = response.map_err(|status| Error { code: 503, status });
            let answered = request.respond(response).await;
            assert_eq!(answered.is_ok(), is_sent);
        };
        let both = async { tokio::join!(request, serve) };
        let reply = in_time("an answer", both).await.0;
        assert_eq!(reply.is_ok(), is_sent);
        let (requests, _) = shop.counted().await;
        assert_eq!(requests, counted + n + 1);
    }
}

/// Without room for its context, an answer has no older one either, and it is counted.
#[apply(broker_test)]
async fn an_answer_without_room_has_no_older_context() {
    let (mut shop, spans) = (Shop::open().await, Spans::new());
    let (client, limit) = (shop.client.clone(), shop.client.max_payload());
    let request = client.request(shop.subject.clone(), "order".into());
    let serve = async {
        let request = shop.next_spelled(&spans, Spelling::Both).await;
        let mut headers = HeaderMap::new();
        headers.insert("Order", "7");
        let older = traceparent(spans.root("another order").span().span_context());
        headers.insert("traceparent", older);
        let before = dropped_fields();
        // Room for one spelling.
        let answer = vec![b'x'; limit - 100].into();
        let answered = request.respond_with_headers(Ok(answer), headers);
        answered.await.expect("answered");
        assert!(dropped_fields() > before);
    };
    let both = async { tokio::join!(request, serve) };
    let reply = in_time("an answer", both).await.0.expect("an answer");
    let expected = [("Order".to_owned(), "7".to_owned())];
    assert_eq!(text_headers(&reply), expected);
}

/// An answer goes to one request's subject, however that is called.
#[apply(broker_test)]
async fn the_inbox_stays_out_of_an_answers_name() {
    let (mut shop, spans) = (Shop::open().await, Spans::new());
    let (client, inbox) = (shop.client.clone(), unique("answers"));
    let asked = Request::new().inbox(inbox.clone());
    let request = client.send_request(shop.subject.clone(), asked);
    let serve = async {
        let request = shop.next(&spans).await;
        request.respond(Ok("done".into())).await.expect("answered");
    };
    let both = async { tokio::join!(request, serve) };
    in_time("an answer", both).await.0.expect("an answer");
    let responded = spans.named("respond");
    let destination = attribute(&responded, "messaging.destination.name");
    assert_eq!(destination, Some(inbox.into()));
    let temporary = attribute(&responded, "messaging.destination.temporary");
    assert_eq!(temporary, Some(true.into()));
}

/// Somebody published to the service and did not ask for an answer.
#[apply(broker_test)]
async fn what_nobody_asked_for_cannot_be_answered() {
    let (mut shop, spans) = (Shop::open().await, Spans::new());
    let publish = shop.client.publish(shop.subject.clone(), "order".into());
    publish.await.expect("published");
    let request = shop.next(&spans).await;
    let refused = request.respond(Ok("done".into())).await;
    let kind = refused.expect_err("no reply subject").kind();
    assert_eq!(kind, PublishErrorKind::InvalidSubject);
    let responded = spans.named("respond");
    let error_type = attribute(&responded, "error.type");
    assert_eq!(error_type, Some("InvalidSubject".into()));
    let inner = request.into_inner();
    assert_eq!(&inner.message.payload[..], b"order");
}
