//! An answer that has room without its context, and none with it.

use crate::server::{ORDERS, Server, has, reconnect};
use crate::spans::Spans;
use async_nats::client::{PublishError, PublishErrorKind};
use async_nats::service::endpoint::Endpoint;
use async_nats::service::error::Error;
use async_nats::service::{Request, Service, ServiceExt};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures_util::StreamExt;
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;
use otel_messaging_async_nats::InjectingProducer;
use otel_messaging_async_nats::loss::dropped_fields;

const SMALL: usize = 1024;
const LARGE: usize = 1024 * 1024;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A service, and the request that it gets.
async fn asked(client: &Client) -> (Service, Endpoint, Request) {
    let builder = client.service_builder();
    let service = builder.start("shop", "1.0.0").await.expect("a service");
    let mut orders = service.endpoint(ORDERS).await.expect("an endpoint");
    let request = orders.next().await.expect("a request");
    (service, orders, request)
}

fn of_size(size: usize) -> Result<Bytes, Error> {
    Ok("x".repeat(size).into())
}

/// What became of an answer.
struct Answered {
    taken: Result<(), PublishError>,
    span: SpanData,
    dropped: u64,
    /// By the endpoint's statistics.
    counted: usize,
}

/// Answers a request to a service whose server takes less than the producer's.
async fn answer(server: &Server, response: Result<Bytes, Error>, headers: HeaderMap) -> Answered {
    let client = server.connect().await;
    let (service, _orders, request) = asked(&client).await;
    let (spans, elsewhere) = (Spans::new(), Server::start([LARGE]));
    let producer = InjectingProducer::new(elsewhere.connect().await)
        .with_instrumentation(spans.instrumentation.clone());
    let before = dropped_fields();
    let request = producer.injecting_request(request);
    let taken = request.respond_with_headers(response, headers).await;
    Answered {
        taken,
        span: spans.one(),
        dropped: dropped_fields() - before,
        counted: service.stats().await[ORDERS].requests,
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_with_its_context_goes_without() {
    let _counted = crate::COUNTS.lock().await;
    let mut headers = HeaderMap::new();
    headers.insert("Order", "7");
    let mut with_context = headers.clone();
    with_context.insert("traceparent", TRACEPARENT);
    let failed = Err(Error {
        code: 500,
        status: "x".repeat(900),
    });
    let none = HeaderMap::new();
    for (response, headers, kept) in [
        (of_size(1000), none.clone(), "xxx"),
        (of_size(SMALL), none.clone(), "xxx"),
        (of_size(980), headers, "Order: 7\r\n"),
        (of_size(980), with_context, "Order: 7\r\n"),
        (failed, none, "Nats-Service-Error-Code: 500\r\n"),
    ] {
        let mut server = Server::start([SMALL]);
        let answered = answer(&server, response, headers).await;
        answered.taken.expect("to be taken");
        let message = server.published().await;
        assert!(has(&message, kept) && !has(&message, "traceparent"));
        assert_eq!((answered.dropped, answered.counted), (1, 2), "{kept}");
        assert_eq!(answered.span.status, Status::Unset);
    }
}

#[tokio::test]
async fn an_answer_that_fits_goes_once() {
    let _counted = crate::COUNTS.lock().await;
    let mut server = Server::start([SMALL]);
    let answered = answer(&server, of_size(900), HeaderMap::new()).await;
    answered.taken.expect("to be taken");
    assert!(has(&server.published().await, "traceparent"));
    assert_eq!((answered.dropped, answered.counted), (0, 1));
}

#[tokio::test]
async fn an_answer_that_is_too_large_on_its_own_fails() {
    let _counted = crate::COUNTS.lock().await;
    let server = Server::start([SMALL]);
    let answered = answer(&server, of_size(SMALL + 1), HeaderMap::new()).await;
    let error = answered.taken.expect_err("too large");
    assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded);
    assert!(matches!(answered.span.status, Status::Error { .. }));
}

#[tokio::test]
async fn the_client_may_connect_to_another_server_before_the_answer_is_awaited() {
    let _counted = crate::COUNTS.lock().await;
    let mut server = Server::start([LARGE, SMALL]);
    let client = server.connect().await;
    let (_service, _orders, request) = asked(&client).await;
    let spans = Spans::new();
    let producer =
        InjectingProducer::new(client.clone()).with_instrumentation(spans.instrumentation.clone());
    let request = producer.injecting_request(request);
    let answer = request.respond(of_size(1000));
    reconnect(&client, SMALL).await;
    answer.await.expect("to be taken");
    assert!(!has(&server.published().await, "traceparent"));
    assert_eq!(spans.one().status, Status::Unset);
}
