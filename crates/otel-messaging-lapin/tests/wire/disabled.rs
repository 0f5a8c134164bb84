//! A producer that is turned off does what the channel does.

use crate::broker::{Broker, has};
use lapin::message::Delivery;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use otel_messaging_lapin::{InjectingProducer, Instrumentation, PublisherConfirm};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

type Producer = InjectingProducer<Channel>;

async fn connect(broker: &Broker) -> (Connection, Producer) {
    let (connection, channel) = broker.connect("").await;
    let producer = InjectingProducer::new(channel).with_connection(&connection);
    let producer = producer.with_instrumentation(Instrumentation::disabled());
    (connection, producer)
}

async fn ended(publish: impl Future<Output = lapin::Result<PublisherConfirm>>) {
    let confirm = publish.await.expect("to be published");
    confirm.await.expect("no answer to wait for");
}

/// A context in bytes, which `forward` would otherwise write as text, and a header that acts.
fn headers() -> FieldTable {
    let mut headers = FieldTable::default();
    let bytes = AMQPValue::ByteArray(TRACEPARENT.as_bytes().into());
    headers.insert("traceparent".into(), bytes);
    headers.insert("CC".into(), AMQPValue::LongString("again".into()));
    headers
}

#[tokio::test]
async fn what_is_published_goes_out_as_it_is() {
    let broker = Broker::start(131_072);
    let (_connection, producer) = connect(&broker).await;
    let span = SpanContext::new(
        TraceId::from_bytes([7; 16]),
        SpanId::from_bytes([7; 8]),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    for properties in [
        BasicProperties::default(),
        BasicProperties::default().with_headers(headers()),
    ] {
        let publish = {
            let _attached = Context::new()
                .with_remote_span_context(span.clone())
                .attach();
            let options = BasicPublishOptions::default();
            let given = properties.clone();
            producer.basic_publish("".into(), "orders".into(), options, b"", given)
        };
        ended(publish).await;
        let wrapped = broker.published();
        let bare = producer.get_ref().basic_publish(
            "".into(),
            "orders".into(),
            BasicPublishOptions::default(),
            b"",
            properties,
        );
        bare.await
            .expect("to be published")
            .await
            .expect("no answer");
        assert_eq!(wrapped, broker.published());
    }
}

#[tokio::test]
async fn what_is_sent_on_has_its_headers_under_other_names_all_the_same() {
    let broker = Broker::start(131_072);
    let (_connection, producer) = connect(&broker).await;
    let mut delivery = Delivery::mock(1, "".into(), "orders".into(), false, Vec::new());
    delivery.properties = BasicProperties::default().with_headers(headers());
    let options = BasicPublishOptions::default();

    ended(producer.forward(&delivery, "".into(), "next".into(), options)).await;
    let forwarded = broker.published();
    let as_bytes = [b"\x0btraceparentx\0\0\0\x37", TRACEPARENT.as_bytes()].concat();
    assert!(has(&forwarded, &as_bytes) && has(&forwarded, b"received-CC"));

    ended(producer.republish(&delivery, "".into(), "next".into(), options)).await;
    assert_eq!(broker.published(), forwarded);

    let letter = producer.dead_letter(&delivery, &"declined", "".into(), "failed".into(), options);
    ended(letter).await;
    let letter = broker.published();
    assert!(has(&letter, &as_bytes) && has(&letter, b"dead-letter-CC"));
    assert!(has(&letter, b"declined") && has(&letter, b"dead-letter-source"));
}
