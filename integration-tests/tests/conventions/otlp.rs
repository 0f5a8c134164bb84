//! Spans and metrics as a collector gets them.

use integration_tests::client::Client;
use integration_tests::nats::Nats;
use integration_tests::otlp_receiver::{OtlpReceiver, Received};
use integration_tests::{apply, broker_test};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_messaging::Instrumentation;
use tokio::task::spawn_blocking;

const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.45.0";

/// One message is published and handled; returns what the collector got, and the destination.
async fn exported() -> (Received, String) {
    let receiver = OtlpReceiver::start().await;
    let resource = Resource::builder_empty().with_service_name("shop").build();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(receiver.endpoint("traces"));
    let tracers = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(exporter.build().expect("an exporter"))
        .build();
    let exporter = MetricExporter::builder()
        .with_http()
        .with_endpoint(receiver.endpoint("metrics"));
    let meters = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_periodic_exporter(exporter.build().expect("an exporter"))
        .build();
    let by = Instrumentation::builder()
        .with_tracer_provider(&tracers)
        .with_meter_provider(&meters)
        .with_destination_template("orders-{id}")
        .build();
    let mut client = Nats::connect().await;
    client.send(Some(&by), &[]).await.expect("sent");
    let message = client.receive().await;
    by.with_message_context(&message, async |_| {}).await;
    // Both wait for the exporters.
    let shut_down = spawn_blocking(move || {
        tracers.shutdown().expect("spans are exported");
        meters.shutdown().expect("metrics are exported");
    });
    shut_down.await.expect("no panic");
    let received = receiver.received();
    assert!(received.errors.is_empty(), "{:?}", received.errors);
    (received, client.destination())
}

#[apply(broker_test)]
async fn a_collector_gets_what_is_listed() {
    let (received, destination) = exported().await;
    let spans = spans(&received);
    let [publish, process] = &spans[..] else {
        panic!("two spans, not {spans:#?}");
    };
    let both = [
        (publish, "publish", "send", SpanKind::Producer),
        (process, "process", "process", SpanKind::Consumer),
    ];
    for (span, operation, operation_type, kind) in both {
        assert_eq!(span.name, format!("{operation} orders-{{id}}"));
        assert_eq!(span.kind(), kind);
        assert!(span.status.as_ref().is_none_or(|status| status.code == 0));
        let expected = [
            ("messaging.destination.name", &*destination),
            ("messaging.destination.template", "orders-{id}"),
            ("messaging.operation.name", operation),
            ("messaging.operation.type", operation_type),
            ("messaging.system.name", "nats"),
        ];
        assert_eq!(texts(&span.attributes), expected);
    }
    assert_eq!(process.parent_span_id, publish.span_id);
    assert_eq!(process.trace_id, publish.trace_id);
    let [link] = &process.links[..] else {
        panic!("one link, not {:?}", process.links);
    };
    assert_eq!(link.span_id, publish.span_id);

    let metrics = metrics(&received);
    let facts: Vec<_> = metrics.iter().map(facts).collect();
    assert_eq!(
        facts,
        [
            (
                "messaging.client.consumed.messages",
                "{message}",
                "counter",
                1
            ),
            ("messaging.client.operation.duration", "s", "histogram", 1),
            ("messaging.client.sent.messages", "{message}", "counter", 1),
            ("messaging.process.duration", "s", "histogram", 1),
            (
                "otel_messaging.propagation.messages",
                "{message}",
                "counter",
                1
            ),
        ]
    );
    let of_duration = |metric: &Metric| match metric.data.as_ref() {
        Some(Data::Histogram(histogram)) => histogram.data_points[0].sum(),
        other => panic!("{other:?}"),
    };
    for (metric, span) in [(&metrics[1], publish), (&metrics[3], process)] {
        assert!(!metric.description.is_empty());
        let took = span.end_time_unix_nano - span.start_time_unix_nano;
        let difference = of_duration(metric) - took as f64 / 1e9;
        assert!(difference.abs() < 1e-6, "{}: {difference} s", metric.name);
    }
}

fn assert_scope(scope: Option<&InstrumentationScope>, schema_url: &str) {
    let scope = scope.expect("a scope");
    let known = (&*scope.name, &*scope.version, schema_url);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(known, ("otel-messaging-async-nats", version, SCHEMA_URL));
}

fn assert_resource(resource: Option<&opentelemetry_proto::tonic::resource::v1::Resource>) {
    let resource = resource.expect("a resource");
    assert_eq!(texts(&resource.attributes), [("service.name", "shop")]);
}

/// The spans, in the order of their starts.
fn spans(received: &Received) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_resource in received.spans.iter().flat_map(|it| &it.resource_spans) {
        assert_resource(of_resource.resource.as_ref());
        for of_scope in &of_resource.scope_spans {
            assert_scope(of_scope.scope.as_ref(), &of_scope.schema_url);
            spans.extend(of_scope.spans.iter().cloned());
        }
    }
    spans.sort_by_key(|span| span.start_time_unix_nano);
    spans
}

/// The metrics, by name.
fn metrics(received: &Received) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for of_resource in received.metrics.iter().flat_map(|it| &it.resource_metrics) {
        assert_resource(of_resource.resource.as_ref());
        for of_scope in &of_resource.scope_metrics {
            assert_scope(of_scope.scope.as_ref(), &of_scope.schema_url);
            metrics.extend(of_scope.metrics.iter().cloned());
        }
    }
    metrics.sort_by(|one, other| one.name.cmp(&other.name));
    metrics
}

/// Name, unit, instrument, and how many messages there were.
fn facts(metric: &Metric) -> (&str, &str, &'static str, u64) {
    let cumulative = AggregationTemporality::Cumulative;
    let (instrument, count, temporality) = match metric.data.as_ref().expect("data") {
        Data::Sum(sum) => {
            assert!(sum.is_monotonic, "{}", metric.name);
            let count = sum.data_points.iter().map(|point| match point.value {
                Some(opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::AsInt(
                    count,
                )) => u64::try_from(count).expect("a count"),
                ref other => panic!("{}: {other:?}", metric.name),
            });
            ("counter", count.sum(), sum.aggregation_temporality())
        }
        Data::Histogram(histogram) => {
            let count = histogram.data_points.iter().map(|point| point.count).sum();
            ("histogram", count, histogram.aggregation_temporality())
        }
        other => panic!("{}: {other:?}", metric.name),
    };
    assert_eq!(temporality, cumulative, "{}", metric.name);
    (&metric.name, &metric.unit, instrument, count)
}

/// Attributes that are all texts, by name.
fn texts(attributes: &[KeyValue]) -> Vec<(&str, &str)> {
    let texts = attributes.iter().map(|attribute| {
        let value = attribute.value.as_ref().and_then(|it| it.value.as_ref());
        let Some(Value::StringValue(text)) = value else {
            panic!("{} is {value:?}", attribute.key);
        };
        (&*attribute.key, &**text)
    });
    let mut texts: Vec<_> = texts.collect();
    texts.sort_unstable();
    texts
}
