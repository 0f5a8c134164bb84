//! What metrics count of messages that go out.

use crate::broker::Broker;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::options::BasicPublishOptions;
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use otel_messaging_lapin::{InjectingProducer, Instrumentation};

const SENT: &str = "messaging.client.sent.messages";

/// The sums of the counter of messages that were sent, with their attributes.
fn sent(
    exporter: &InMemoryMetricExporter,
    provider: &SdkMeterProvider,
) -> Vec<(u64, Vec<KeyValue>)> {
    exporter.reset();
    provider.force_flush().expect("the metrics");
    let mut found = Vec::new();
    for resource in exporter.get_finished_metrics().expect("the metrics") {
        let metrics = resource.scope_metrics().flat_map(|scope| scope.metrics());
        for metric in metrics.filter(|metric| metric.name() == SENT) {
            if let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() {
                let points = sum.data_points();
                found.extend(points.map(|it| (it.value(), it.attributes().cloned().collect())));
            }
        }
    }
    found
}

#[tokio::test]
async fn a_message_counts_once_the_channel_is_asked_to_send_it() {
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
    let instrumentation = Instrumentation::builder()
        .with_meter_provider(&meters)
        .with_tracer_provider(&tracers)
        .with_message_sizes()
        .build();
    let broker = Broker::start(131_072);
    let (_connection, channel) = broker.connect("").await;
    let producer = InjectingProducer::new(channel)
        .with_server("mq.internal", 5671)
        .with_instrumentation(instrumentation);

    let options = BasicPublishOptions::default();
    let properties = || BasicProperties::default().with_message_id("7".into());
    let publish = || {
        producer.basic_publish(
            "".into(),
            "orders".into(),
            options,
            b"order 7",
            properties(),
        )
    };
    let reply = || producer.publish_reply("inbox".into(), options, b"", properties());
    let delivery = Delivery::mock(1, "".into(), "orders".into(), false, b"order".to_vec());
    let forward = || producer.forward(&delivery, "".into(), "next".into(), options);
    let letter =
        || producer.dead_letter(&delivery, &"declined", "".into(), "failed".into(), options);

    // Nobody polls them.
    drop((publish(), reply(), forward(), letter()));
    assert_eq!(sent(&metrics, &meters), []);

    drop(publish().await.expect("to be published"));
    reply()
        .await
        .expect("to be published")
        .await
        .expect("no answer to wait for");
    drop(forward().await.expect("to be published").into_inner());
    letter()
        .await
        .expect("to be published")
        .await
        .expect("no answer to wait for");
    let sent = sent(&metrics, &meters);
    let [(4, attributes)] = &sent[..] else {
        panic!("{sent:?}")
    };
    for attribute in [
        KeyValue::new("server.address", "mq.internal"),
        KeyValue::new("server.port", 5671),
    ] {
        assert!(attributes.contains(&attribute), "{attributes:?}");
    }

    let spans = spans.get_finished_spans().expect("the spans");
    let sizes = spans.iter().map(|span| {
        let of = |key: &str| {
            let found = span
                .attributes
                .iter()
                .find(|it| it.key == Key::from(key.to_owned()));
            found.map(|it| it.value.clone())
        };
        assert_eq!(of("server.address"), Some(Value::from("mq.internal")));
        assert_eq!(of("server.port"), Some(Value::I64(5671)));
        let envelope = of("messaging.message.envelope.size");
        (&*span.name, of("messaging.message.body.size"), envelope)
    });
    let mut sizes: Vec<_> = sizes.collect();
    sizes.dedup();
    let size = |size| Some(Value::I64(size));
    assert!(
        sizes.contains(&("publish orders", size(7), size(9))),
        "{sizes:?}"
    );
    assert!(
        sizes.contains(&("publish next", size(5), size(5))),
        "{sizes:?}"
    );
}
