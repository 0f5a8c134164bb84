//! What metrics and spans say of messages that go out.

use crate::server::Server;
use async_nats::client::traits::{Publisher, Requester};
use async_nats::client::{Client, Request};
use async_nats::jetstream;
use async_nats::message::OutboundMessage;
use async_nats::{HeaderMap, Message};
use futures_util::SinkExt;
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging_async_nats::{InjectingProducer, Instrumentation};

const LARGE: usize = 1024 * 1024;

/// A program's telemetry, in memory.
struct Telemetry {
    metrics: InMemoryMetricExporter,
    meters: SdkMeterProvider,
    spans: InMemorySpanExporter,
    instrumentation: Instrumentation,
}

impl Telemetry {
    fn new() -> Self {
        let metrics = InMemoryMetricExporter::default();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(metrics.clone());
        let meters = meters.build();
        let spans = InMemorySpanExporter::default();
        let tracers = SdkTracerProvider::builder().with_simple_exporter(spans.clone());
        let builder = Instrumentation::builder()
            .with_meter_provider(&meters)
            .with_tracer_provider(&tracers.build())
            .with_message_sizes();
        Self {
            metrics,
            meters,
            spans,
            instrumentation: builder.build(),
        }
    }

    /// How many messages were sent, and that all of them name the server.
    fn sent(&self) -> u64 {
        self.metrics.reset();
        self.meters.force_flush().expect("the metrics");
        let mut sent = 0;
        for resource in self.metrics.get_finished_metrics().expect("the metrics") {
            let metrics = resource.scope_metrics().flat_map(|scope| scope.metrics());
            for metric in metrics.filter(|it| it.name() == "messaging.client.sent.messages") {
                let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() else {
                    panic!("{metric:?}")
                };
                for point in sum.data_points() {
                    let server = KeyValue::new("server.address", "nats.internal");
                    assert!(point.attributes().any(|it| *it == server), "{point:?}");
                    sent += point.value();
                }
            }
        }
        sent
    }

    fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().expect("the spans")
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    let found = span.attributes.iter().find(|it| it.key.as_str() == key);
    found.map(|it| it.value.clone())
}

fn outbound() -> OutboundMessage {
    OutboundMessage {
        subject: "orders".into(),
        reply: None,
        payload: "order 7".into(),
        headers: None,
    }
}

fn received() -> Message {
    let mut headers = HeaderMap::new();
    headers.insert("Order", "7");
    Message {
        subject: "orders".into(),
        reply: None,
        payload: "order".into(),
        headers: Some(headers),
        status: None,
        description: None,
        length: 0,
    }
}

/// Polls a request until the server has it, and drops it.
async fn asked<T>(server: &mut Server, request: impl Future<Output = T>) {
    tokio::select! {
        _ = request => panic!("this server answers no request"),
        _ = server.published() => {}
    }
}

#[tokio::test]
async fn a_message_counts_once_the_client_is_asked_to_send_it() {
    let _counted = crate::COUNTS.lock().await;
    let mut server = Server::start([LARGE]);
    let telemetry = Telemetry::new();
    let mut producer: InjectingProducer<Client> = InjectingProducer::new(server.connect().await)
        .with_server("nats.internal", 4222)
        .with_instrumentation(telemetry.instrumentation.clone());
    let message = received();

    // Nobody polls them.
    drop((
        producer.publish("orders", "order 7".into()),
        producer.publish_with_reply("orders", "inbox", "order 7".into()),
        producer.request("orders", "order 7".into()),
        producer.publish_message(outbound()),
        Requester::send_request(&producer, "orders", Request::new()),
        producer.forward(&message, "next"),
        producer.dead_letter(&message, &"declined", "failed"),
    ));
    assert_eq!(telemetry.sent(), 0);
    telemetry.spans.reset();

    let publish = producer.publish("orders", "order 7".into());
    publish.await.expect("taken");
    let publish = producer.publish_with_reply("orders", "inbox", "order 7".into());
    publish.await.expect("taken");
    let publish = producer.publish_message(outbound());
    publish.await.expect("taken");
    producer.send(outbound()).await.expect("taken");
    producer.forward(&message, "next").await.expect("taken");
    assert_eq!(telemetry.sent(), 5);

    let spans = telemetry.spans();
    let sizes = spans.iter().map(|span| {
        let port = attribute(span, "server.port");
        assert_eq!(port, Some(Value::I64(4222)));
        let body = attribute(span, "messaging.message.body.size");
        (body, attribute(span, "messaging.message.envelope.size"))
    });
    let bare = (Some(Value::I64(7)), Some(Value::I64(7)));
    let headers = "NATS/1.0\r\nOrder: 7\r\n\r\n".len() as i64;
    let forwarded = (Some(Value::I64(5)), Some(Value::I64(5 + headers)));
    let mut expected = vec![bare; 4];
    expected.push(forwarded);
    assert_eq!(sizes.collect::<Vec<_>>(), expected);

    for _ in 0..5 {
        server.published().await;
    }
    asked(&mut server, producer.request("orders", "order 7".into())).await;
    assert_eq!(telemetry.sent(), 6, "nobody waits for the reply any more");
}

#[tokio::test]
async fn a_message_counts_once_the_jetstream_context_is_asked_to_send_it() {
    let _counted = crate::COUNTS.lock().await;
    let mut server = Server::start([LARGE]);
    let telemetry = Telemetry::new();
    let context = jetstream::new(server.connect().await);
    let producer = InjectingProducer::new(context)
        .with_server("nats.internal", 4222)
        .with_instrumentation(telemetry.instrumentation.clone());
    let message = received();

    // Nobody polls them.
    drop((
        producer.publish("orders", "order 7".into()),
        Publisher::publish_with_reply(&producer, "orders", "inbox", "order 7".into()),
        Publisher::publish_message(&producer, outbound()),
        Requester::send_request(&producer, "orders", Request::new()),
        producer.republish(&message, "next"),
    ));
    assert_eq!(telemetry.sent(), 0);

    let publish = producer.publish("orders", "order 7".into());
    drop(publish.await.expect("taken"));
    drop(
        producer
            .forward(&message, "next")
            .await
            .expect("taken")
            .into_inner(),
    );
    let publish = Publisher::publish_with_reply(&producer, "orders", "inbox", "order 7".into());
    publish.await.expect("taken");
    let publish = Publisher::publish_message(&producer, outbound());
    publish.await.expect("taken");
    for _ in 0..4 {
        server.published().await;
    }
    let request = Request::new().payload("order 7".into());
    asked(
        &mut server,
        Requester::send_request(&producer, "orders", request),
    )
    .await;
    assert_eq!(telemetry.sent(), 5);
}

#[cfg(feature = "service")]
#[tokio::test]
async fn an_answer_counts_once_the_client_is_asked_to_send_it() {
    use crate::server::ORDERS;
    use async_nats::service::ServiceExt;
    use futures_util::StreamExt;

    let _counted = crate::COUNTS.lock().await;
    let server = Server::start([LARGE]);
    let telemetry = Telemetry::new();
    let client = server.connect().await;
    let builder = client.service_builder();
    let service = builder.start("shop", "1.0.0").await.expect("a service");
    let mut orders = service.endpoint(ORDERS).await.expect("an endpoint");
    let request = orders.next().await.expect("a request");
    let producer = InjectingProducer::new(client)
        .with_server("nats.internal", 4222)
        .with_instrumentation(telemetry.instrumentation.clone());
    let request = producer.injecting_request(request);

    drop(request.respond(Ok("done".into())));
    assert_eq!(telemetry.sent(), 0);
    request.respond(Ok("done".into())).await.expect("taken");
    assert_eq!(telemetry.sent(), 1);
}
