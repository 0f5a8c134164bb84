//! A message's context fits into a frame of the size on which the connection has agreed.

use crate::broker::{Broker, has};
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use otel_messaging_lapin::InjectingProducer;

/// What stands around the properties in their frame.
const AROUND: usize = 8;

/// A span, and about 9,000 bytes of baggage.
fn context() -> Context {
    let span = SpanContext::new(
        TraceId::from_bytes([7; 16]),
        SpanId::from_bytes([7; 8]),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    let members = (0..60).map(|number| KeyValue::new(format!("key{number:02}"), "x".repeat(143)));
    let context = Context::new().with_remote_span_context(span);
    context.with_baggage(members)
}

/// Publishes with these headers, on a connection of this size of frames, by the producer that `wrap`
/// makes.
async fn published(
    frame_max: u32,
    query: &str,
    headers: FieldTable,
    wrap: impl FnOnce(Channel, &Connection) -> InjectingProducer<Channel>,
) -> Vec<u8> {
    let broker = Broker::start(frame_max);
    let (connection, channel) = broker.connect(query).await;
    let producer = wrap(channel, &connection);
    let properties = BasicProperties::default().with_headers(headers);
    let publish = {
        let _attached = context().attach();
        let options = BasicPublishOptions::default();
        producer.basic_publish("".into(), "orders".into(), options, b"", properties)
    };
    let confirm = publish.await.expect("to be published");
    confirm.await.expect("no answer to wait for");
    broker.published()
}

fn with_connection(channel: Channel, connection: &Connection) -> InjectingProducer<Channel> {
    InjectingProducer::new(channel).with_connection(connection)
}

fn headers_of(size: usize) -> FieldTable {
    let mut headers = FieldTable::default();
    headers.insert(
        "order".into(),
        AMQPValue::LongString("x".repeat(size).into()),
    );
    headers
}

fn without_connection(channel: Channel, _: &Connection) -> InjectingProducer<Channel> {
    InjectingProducer::new(channel)
}

#[tokio::test]
async fn a_context_fits_into_a_small_frame() {
    for (frame_max, query) in [(8192, ""), (131_072, "?frame_max=8192")] {
        let none = FieldTable::default();
        let frame = published(frame_max, query, none.clone(), with_connection).await;
        assert!(has(&frame, b"traceparent") && has(&frame, b"baggage"));
        let size = AROUND + frame.len();
        assert!((8192 - 200..=8192).contains(&size), "{size}");

        // A channel does not know the size.
        let frame = published(frame_max, query, none, without_connection).await;
        assert!(frame.len() > 8192);
    }
}

#[tokio::test]
async fn a_small_frame_may_have_no_room_for_a_context() {
    for (size, has_context) in [(8000, true), (8100, false)] {
        let frame = published(8192, "", headers_of(size), with_connection).await;
        assert!(has(&frame, b"order") && AROUND + frame.len() <= 8192);
        assert_eq!(has(&frame, b"traceparent"), has_context, "{size}");
    }
}

#[tokio::test]
async fn a_large_frame_has_room() {
    let headers = || headers_of(200_000);
    let frame = published(1 << 20, "", headers(), with_connection).await;
    assert!(has(&frame, b"traceparent") && has(&frame, b"baggage"));
    let frame = published(1 << 20, "", headers(), without_connection).await;
    assert!(!has(&frame, b"traceparent"));
}
