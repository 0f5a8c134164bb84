//! What metrics and spans say of records that go out.

use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use otel_messaging_rdkafka::instrumentation::MetricDestinations;
use otel_messaging_rdkafka::{
    InjectingContext, InjectingProducer, Instrumentation, UntilQueuedProducer,
};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage, Timestamp};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{
    BaseProducer, BaseRecord, DefaultProducerContext, FutureProducer, FutureRecord, Producer,
    ThreadedProducer,
};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A program's telemetry, in memory.
struct Telemetry {
    metrics: InMemoryMetricExporter,
    meters: SdkMeterProvider,
    spans: InMemorySpanExporter,
    instrumentation: Instrumentation,
}

impl Telemetry {
    fn new() -> Self {
        let (metrics, spans) = (
            InMemoryMetricExporter::default(),
            InMemorySpanExporter::default(),
        );
        let meters = SdkMeterProvider::builder()
            .with_periodic_exporter(metrics.clone())
            .build();
        let tracers = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let builder = Instrumentation::builder()
            .with_meter_provider(&meters)
            .with_tracer_provider(&tracers)
            .with_metric_destinations(MetricDestinations::All)
            .with_message_sizes();
        Self {
            metrics,
            meters,
            spans,
            instrumentation: builder.build(),
        }
    }

    /// The sums of the counter of records that were sent, with their attributes.
    fn sent(&self) -> Vec<(u64, Vec<KeyValue>)> {
        self.metrics.reset();
        self.meters.force_flush().expect("the metrics");
        let mut found = Vec::new();
        for resource in self.metrics.get_finished_metrics().expect("the metrics") {
            let metrics = resource.scope_metrics().flat_map(|scope| scope.metrics());
            for metric in metrics.filter(|it| it.name() == "messaging.client.sent.messages") {
                if let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() {
                    let points = sum.data_points();
                    found.extend(points.map(|it| (it.value(), it.attributes().cloned().collect())));
                }
            }
        }
        found
    }

    fn count(&self) -> u64 {
        self.sent().iter().map(|(count, _)| count).sum()
    }

    fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().expect("the spans")
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    let found = span.attributes.iter().find(|it| it.key.as_str() == key);
    found.map(|it| it.value.clone())
}

/// Asserts that the partition is there once, and the server.
fn assert_described(attributes: &[KeyValue], partitions: usize) {
    let count = |key: &str| {
        attributes
            .iter()
            .filter(|it| it.key.as_str() == key)
            .count()
    };
    assert_eq!(
        count("messaging.destination.partition.id"),
        partitions,
        "{attributes:?}"
    );
    assert_eq!(count("server.address"), 1, "{attributes:?}");
    assert_eq!(count("server.port"), 1, "{attributes:?}");
}

fn cluster() -> (MockCluster<'static, DefaultProducerContext>, ClientConfig) {
    let cluster = MockCluster::new(1).expect("an embedded cluster");
    cluster.create_topic("orders", 1, 1).expect("a topic");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers());
    config.set("client.id", "shop-1");
    (cluster, config)
}

fn message() -> OwnedMessage {
    let payload = Some(b"order 7".to_vec());
    let header = Header {
        key: "tenant",
        value: Some("acme"),
    };
    let headers = OwnedHeaders::new().insert(header);
    let time = Timestamp::NotAvailable;
    OwnedMessage::new(
        payload,
        None,
        "orders".to_owned(),
        time,
        0,
        0,
        Some(headers),
    )
}

#[tokio::test]
async fn a_record_counts_once_the_producer_is_asked_to_send_it() {
    let (_cluster, config) = cluster();
    let telemetry = Telemetry::new();
    let plain: FutureProducer = config.create().expect("a producer");
    let producer =
        InjectingProducer::new(plain).with_instrumentation(telemetry.instrumentation.clone());
    let record = || FutureRecord::to("orders").key("7").payload("order 7");
    let message = message();

    // Nobody polls them.
    drop(producer.send(record(), PATIENCE));
    drop(producer.forward(&message, "orders", PATIENCE));
    drop(producer.dead_letter(&message, &"declined", "orders", PATIENCE));
    assert_eq!(telemetry.sent(), []);

    telemetry.spans.reset();
    producer.send(record(), PATIENCE).await.expect("delivered");
    producer
        .send(record().partition(0), PATIENCE)
        .await
        .expect("delivered");
    let forward = producer.forward(&message, "orders", PATIENCE);
    forward.await.expect("delivered");
    let sent = telemetry.sent();
    let [(3, attributes)] = &sent[..] else {
        panic!("{sent:?}")
    };
    assert_described(attributes, 1);
    let spans = telemetry.spans();
    for span in &spans {
        assert_described(&span.attributes, 1);
        let id = attribute(span, "messaging.client.id");
        assert_eq!(id, Some(Value::from("shop-1")));
    }
    let size = |span: &SpanData, of: &str| attribute(span, &format!("messaging.message.{of}.size"));
    let sizes = spans
        .iter()
        .map(|span| (size(span, "body"), size(span, "envelope")));
    let (body, header) = ("order 7".len() as i64, "tenant".len() + "acme".len() + 2);
    let with = |more: usize| (Some(Value::I64(body)), Some(Value::I64(body + more as i64)));
    assert_eq!(sizes.collect::<Vec<_>>(), [with(1), with(1), with(header)]);

    // Nobody waits for these deliveries.
    drop(producer.send_result(record()).expect("queued"));
    drop(producer.send_result(record()).expect("queued").into_inner());
    assert_eq!(telemetry.count(), 5);
}

#[test]
fn a_queued_record_counts_before_its_delivery() {
    let (_cluster, mut config) = cluster();
    let telemetry = Telemetry::new();
    let with = || telemetry.instrumentation.clone();

    let base: BaseProducer<InjectingContext<DefaultProducerContext>> = config
        .create_with_context(InjectingContext::default())
        .expect("a producer");
    let base = InjectingProducer::new(base).with_instrumentation(with());
    base.send(BaseRecord::<str, str>::to("orders").payload("order"))
        .expect("queued");
    base.forward(&message(), "orders", ()).expect("queued");
    assert_eq!(telemetry.count(), 0, "they are under way");
    base.flush(PATIENCE).expect("delivered");
    assert_eq!(telemetry.count(), 2);

    // Nobody polls this one: its records are never answered.
    let unanswered: BaseProducer<InjectingContext<DefaultProducerContext>> = config
        .create_with_context(InjectingContext::default())
        .expect("a producer");
    let unanswered = InjectingProducer::new(unanswered).with_instrumentation(with());
    unanswered
        .send(BaseRecord::<str, str>::to("orders").payload("order"))
        .expect("queued");
    drop(unanswered);
    assert_eq!(telemetry.count(), 3);

    config.set("queue.buffering.max.messages", "1");
    config.set("linger.ms", "10000");
    let threaded: ThreadedProducer<DefaultProducerContext> = config.create().expect("a producer");
    let threaded = UntilQueuedProducer::new(threaded).with_instrumentation(with());
    let record = || BaseRecord::<str, str>::to("orders").payload("order");
    threaded.send(record()).expect("queued");
    threaded.send(record()).expect_err("the queue is full");
    assert_eq!(telemetry.count(), 5);
    for (_, attributes) in telemetry.sent() {
        let is_answered = attributes
            .iter()
            .any(|it| it.key.as_str().ends_with("partition.id"));
        assert_described(&attributes, usize::from(is_answered));
    }
}
