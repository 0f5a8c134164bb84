//! lapin: `basic_publish` on a channel without confirms.

use super::metrics::labels;
use super::poll::wait_until_quiet;
use super::span::{Operation, start};
use super::{Calls, server};
use crate::client::{Amqp, Client};
use lapin::message::Delivery;
use lapin::options::BasicPublishOptions;
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{Span, SpanBuilder};
use opentelemetry::{Context, KeyValue};
use otel_messaging::Instrumentation;
use otel_messaging_lapin::InjectingProducer;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;

const PAYLOAD: &[u8] = b"order 7";

/// A channel without confirms: a message is sent when it was written into the connection.
pub struct Sender {
    channel: Channel,
    connection: Connection,
    server: TcpStream,
}

/// Exchange and routing key.
pub struct Record([ShortString; 2]);

impl Calls for Amqp {
    type Message = Delivery;
    type Record = Record;
    type Sender = Sender;
    type Injecting = InjectingProducer<Channel>;

    fn message(headers: FieldTable) -> Delivery {
        let Record([exchange, routing_key]) = Self::record();
        let mut delivery = Delivery::mock(7, exchange, routing_key, false, PAYLOAD.to_vec());
        delivery.properties = BasicProperties::default().with_headers(headers);
        delivery
    }

    fn headers(message: &Delivery) -> Option<&FieldTable> {
        message.properties.headers().as_ref()
    }

    fn process_span(message: &Delivery) -> SpanBuilder {
        let tag = i64::try_from(message.delivery_tag).unwrap_or_default();
        Operation::processing("rabbitmq").span(
            [message.exchange.as_str(), ":", message.routing_key.as_str()],
            [
                routing_key(&message.routing_key),
                KeyValue::new("rabbitmq.message.delivery_tag", tag),
            ],
        )
    }

    fn process_labels() -> Vec<KeyValue> {
        labels("rabbitmq", "process")
    }

    fn send_labels(_sender: &Sender) -> Vec<KeyValue> {
        labels("rabbitmq", "publish")
    }

    fn record() -> Record {
        Record(["shop".into(), "orders.new".into()])
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
        let Record([exchange, routing_key]) = record;
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let confirm = injecting.basic_publish(exchange, routing_key, options, PAYLOAD, properties);
        let confirm = confirm.await.expect("published");
        confirm.await.expect("not asked for");
    }

    async fn send_by_hand(sender: &Sender, tracer: &BoxedTracer, record: Record) {
        let [exchange, key] = &record.0;
        let (mut span, headers) = start::<Self>(tracer, publish_span(exchange, key));
        publish(&sender.channel, record, headers).await;
        span.end();
    }

    async fn send_without_span(sender: &Sender, record: Record) {
        let headers = Context::map_current(Self::inject_by_hand);
        publish(&sender.channel, record, headers).await;
    }
}

impl Sender {
    pub fn channel(&self) -> &Channel {
        &self.channel
    }
}

/// The bound: the span of a send.
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
async fn publish(channel: &Channel, record: Record, headers: FieldTable) {
    let Record([exchange, routing_key]) = record;
    let properties = BasicProperties::default().with_headers(headers);
    let options = BasicPublishOptions::default();
    let confirm = channel.basic_publish(exchange, routing_key, options, PAYLOAD, properties);
    let confirm = confirm.await.expect("published");
    confirm.await.expect("not asked for");
}
