//! lapin: `basic_publish` on a channel without confirms.

use super::metrics::labels;
use super::poll::wait_until_quiet;
use super::span::{Operation, carry, end, start};
use super::{Receives, Sends, server};
use crate::client::Amqp;
use lapin::message::Delivery;
use lapin::options::BasicPublishOptions;
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use opentelemetry::KeyValue;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::SpanBuilder;
use otel_messaging::Instrumentation;
use otel_messaging::adapter::Describe;
use otel_messaging_lapin::InjectingProducer;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;

const PAYLOAD: &[u8] = b"order 7";

/// What the headers of a message without other properties may take: a frame, less what it has around them (SECURITY.md,
/// "Limits"). The adapter assumes the same size, if it has no connection to ask.
pub const ROOM: usize = 131_072 - (8 + 14 + 4);

/// A channel without confirms: a message is sent when it was written into the connection.
pub struct Sender {
    channel: Channel,
    connection: Connection,
    server: TcpStream,
}

/// Exchange and routing key, and the caller's headers.
pub struct Record {
    route: [ShortString; 2],
    headers: Option<FieldTable>,
}

impl Receives for Amqp {
    type Client = Self;
    type Message = Delivery;

    fn message(headers: FieldTable) -> Delivery {
        let [exchange, routing_key] = route();
        let mut delivery = Delivery::mock(7, exchange, routing_key, false, PAYLOAD.to_vec());
        delivery.properties = BasicProperties::default().with_headers(headers);
        delivery
    }

    #[inline]
    fn headers(message: &Delivery) -> Option<&FieldTable> {
        message.properties.headers().as_ref()
    }

    #[inline]
    fn process_span(message: &Delivery) -> (SpanBuilder, bool) {
        let tag = i64::try_from(message.delivery_tag).unwrap_or_default();
        let span = Operation::processing("rabbitmq").span(
            [message.exchange.as_str(), ":", message.routing_key.as_str()],
            [
                routing_key(&message.routing_key),
                KeyValue::new("rabbitmq.message.delivery_tag", tag),
            ],
        );
        (span, message.redelivered && is_tenth(message))
    }

    fn process_labels() -> Vec<KeyValue> {
        labels("rabbitmq", "process")
    }
}

#[cold]
fn is_tenth(message: &Delivery) -> bool {
    let count = message.message_info().delivery_count();
    count.is_some_and(|count| count > 10)
}

impl Sends for Amqp {
    type Record = Record;
    type Sender = Sender;
    type Injecting = InjectingProducer<Channel>;

    fn record(headers: Option<FieldTable>) -> Record {
        Record {
            route: route(),
            headers,
        }
    }

    fn send_labels(_sender: &Sender) -> Vec<KeyValue> {
        labels("rabbitmq", "publish")
    }

    fn connect() -> Sender {
        // A thread of the runtime serves the connection.
        let runtime = Runtime::new().expect("a runtime");
        let (address, server) = server::amqp();
        let uri = format!("amqp://{address}/%2f");
        let (connection, channel) = runtime.block_on(async {
            let connection = Connection::connect(&uri, ConnectionProperties::default());
            let connection = connection.await.expect("a connection");
            let channel = connection.create_channel().await.expect("a channel");
            (connection, channel)
        });
        std::mem::forget(runtime);
        Sender {
            channel,
            connection,
            server: server.recv().expect("the server's end"),
        }
    }

    fn hold(sender: &Sender) {
        server::block(&sender.server).expect("written");
        while !sender.connection.status().blocked() {
            thread::sleep(Duration::from_millis(1));
        }
        wait_until_quiet();
    }

    fn release(sender: &Sender) {
        server::unblock(&sender.server).expect("written");
    }

    fn injecting(sender: &Sender, by: Option<Instrumentation>) -> InjectingProducer<Channel> {
        let injecting = InjectingProducer::new(sender.channel.clone());
        match by {
            Some(by) => injecting.with_instrumentation(by),
            None => injecting,
        }
    }

    async fn send(injecting: &InjectingProducer<Channel>, record: Record) {
        let Record {
            route: [exchange, routing_key],
            headers,
        } = record;
        let (options, properties) = (BasicPublishOptions::default(), with(headers));
        let confirm = injecting.basic_publish(exchange, routing_key, options, PAYLOAD, properties);
        let confirm = confirm.await.expect("published");
        confirm.await.expect("not asked for");
    }

    async fn send_by_hand(sender: &Sender, tracer: &BoxedTracer, record: Record) {
        let Record { route, headers } = record;
        let [exchange, key] = &route;
        let builder = publish_span(exchange, key);
        let (span, headers) = start::<Self>(tracer, builder, headers, ROOM);
        publish(&sender.channel, Record { route, headers }).await;
        end(span);
    }

    async fn send_without_span(sender: &Sender, record: Record) {
        let Record { route, headers } = record;
        let headers = carry::<Self>(headers, ROOM);
        publish(&sender.channel, Record { route, headers }).await;
    }

    async fn send_bare(sender: &Sender, record: Record) {
        publish(&sender.channel, record).await;
    }

    fn force(record: &Record) {
        drop(record.headers.clone());
    }
}

fn route() -> [ShortString; 2] {
    ["shop".into(), "orders.new".into()]
}

impl Sender {
    pub fn channel(&self) -> &Channel {
        &self.channel
    }
}

/// By hand: the span of a send.
#[inline]
pub fn publish_span(exchange: &ShortString, key: &ShortString) -> SpanBuilder {
    Operation::sending("rabbitmq", "publish", 0)
        .span([exchange.as_str(), ":", key.as_str()], [routing_key(key)])
}

fn routing_key(key: &ShortString) -> KeyValue {
    let name = "rabbitmq.destination.routing_key";
    KeyValue::new(name, key.as_str().to_owned())
}

#[inline]
fn with(headers: Option<FieldTable>) -> BasicProperties {
    let properties = BasicProperties::default();
    match headers {
        Some(headers) => properties.with_headers(headers),
        None => properties,
    }
}

#[inline]
async fn publish(channel: &Channel, record: Record) {
    let Record {
        route: [exchange, routing_key],
        headers,
    } = record;
    let (options, properties) = (BasicPublishOptions::default(), with(headers));
    let confirm = channel.basic_publish(exchange, routing_key, options, PAYLOAD, properties);
    let confirm = confirm.await.expect("published");
    confirm.await.expect("not asked for");
}
