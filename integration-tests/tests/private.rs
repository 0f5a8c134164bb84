//! A broker of a test's own: killed and started again, it has what it was given.

use async_nats::jetstream;
use async_nats::jetstream::stream;
use async_nats::{ConnectOptions, Event};
use futures_util::StreamExt;
use integration_tests::client::in_time;
use integration_tests::private::{PrivateBroker, Server};
use integration_tests::rabbitmq::broker_with_queue;
use integration_tests::{apply, broker_test};
use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use std::time::Duration;
use tokio::sync::mpsc;

#[apply(broker_test)]
async fn rabbitmq_keeps_a_persistent_message() {
    let queue = ShortString::from("orders");
    let mut broker = broker_with_queue(queue.as_str()).await;
    let (_connection, channel) = rabbitmq(&broker).await;
    assert!(publish(&channel, &queue).await.expect("confirmed"));

    broker.kill().await;
    let lost = in_time("the loss", publish(&channel, &queue)).await;
    assert!(lost.is_err(), "{lost:?}");

    broker.restart().await;
    let (_connection, channel) = rabbitmq(&broker).await;
    let got = channel.basic_get(queue, BasicGetOptions::default()).await;
    let message = got.expect("an answer").expect("a message");
    assert_eq!(message.data, b"order");
    assert_eq!(message.message_count, 0);
}

async fn rabbitmq(broker: &PrivateBroker) -> (Connection, Channel) {
    let properties = ConnectionProperties::default();
    let connecting = Connection::connect(broker.url(), properties);
    let connection = in_time("connect", connecting).await.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let confirms = ConfirmSelectOptions::default();
    channel.confirm_select(confirms).await.expect("confirms");
    (connection, channel)
}

/// Whether the broker took the message.
async fn publish(channel: &Channel, queue: &ShortString) -> lapin::Result<bool> {
    let persistent = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions::default();
    let confirm = channel
        .basic_publish("".into(), queue.clone(), options, b"order", persistent)
        .await?;
    Ok(confirm.await?.is_ack())
}

#[apply(broker_test)]
async fn kafka_keeps_a_record() {
    let mut broker = PrivateBroker::start(Server::Kafka).await;
    let config = kafka(&broker);
    let producer: FutureProducer = config.create().expect("a producer");
    let record = FutureRecord::to("orders").key("7").payload("order");
    let delivery = in_time("the delivery", producer.send(record, Duration::ZERO)).await;
    delivery.expect("delivered");
    let consumer = orders(&config);
    let read = in_time("a record", consumer.recv()).await;
    assert_eq!(read.expect("a record").payload(), Some(&b"order"[..]));

    broker.kill().await;
    let lost = in_time("the loss", consumer.recv()).await;
    let Err(KafkaError::MessageConsumption(code)) = lost else {
        panic!("{lost:?}");
    };
    let codes = [
        RDKafkaErrorCode::BrokerTransportFailure,
        RDKafkaErrorCode::AllBrokersDown,
    ];
    assert!(codes.contains(&code), "{code:?}");

    broker.restart().await;
    let consumer = orders(&config);
    let read = in_time("a record", consumer.recv()).await;
    assert_eq!(read.expect("a record").payload(), Some(&b"order"[..]));
}

fn kafka(broker: &PrivateBroker) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.url());
    config.set("group.id", "orders");
    config
}

/// A consumer of the topic, from its beginning.
fn orders(config: &ClientConfig) -> StreamConsumer {
    let consumer: StreamConsumer = config.create().expect("a consumer");
    let mut partitions = TopicPartitionList::new();
    let added = partitions.add_partition_offset("orders", 0, Offset::Beginning);
    added.expect("a partition");
    consumer.assign(&partitions).expect("the partition");
    consumer
}

#[apply(broker_test)]
async fn nats_keeps_a_message_of_jetstream() {
    let mut broker = PrivateBroker::start(Server::Nats).await;
    let (client, mut events) = nats(&broker).await;
    let context = jetstream::new(client);
    let config = stream::Config {
        name: "orders".to_owned(),
        storage: stream::StorageType::File,
        ..Default::default()
    };
    context.create_stream(config).await.expect("a stream");
    let published = context.publish("orders", "order".into()).await;
    published.expect("published").await.expect("acknowledged");

    broker.kill().await;
    in_time("the loss", seen(&mut events, &Event::Disconnected)).await;

    broker.restart().await;
    in_time("the return", seen(&mut events, &Event::Connected)).await;
    let stream = context.get_stream("orders").await.expect("the stream");
    let message = stream.get_raw_message(1).await.expect("the message");
    assert_eq!(message.payload, "order");
}

/// Two of a kind do not meet, and neither is there once its test is done with it.
#[apply(broker_test)]
async fn two_of_a_kind_are_apart() {
    let (mut one, other) = tokio::join!(
        PrivateBroker::start(Server::Nats),
        PrivateBroker::start(Server::Nats)
    );
    assert_ne!(one.url(), other.url());
    let (client, mut events) = nats(&other).await;
    let mut subscriber = client.subscribe("orders").await.expect("a subscription");
    let (elsewhere, _) = nats(&one).await;
    let published = elsewhere.publish("orders", "of the one".into()).await;
    published.expect("published");
    elsewhere.flush().await.expect("a flush");

    one.kill().await;
    let published = client.publish("orders", "of the other".into()).await;
    published.expect("published");
    let message = in_time("a message", subscriber.next()).await;
    assert_eq!(message.expect("a message").payload, "of the other");

    drop(other);
    in_time("the loss", seen(&mut events, &Event::Disconnected)).await;
}

async fn nats(broker: &PrivateBroker) -> (async_nats::Client, mpsc::UnboundedReceiver<Event>) {
    let (sender, mut events) = mpsc::unbounded_channel();
    let options = ConnectOptions::new().event_callback(move |event| {
        // Nobody may be waiting for it.
        let _ = sender.send(event);
        async {}
    });
    let connecting = options.connect(broker.url());
    let client = in_time("connect", connecting).await.expect("a connection");
    in_time("connect", seen(&mut events, &Event::Connected)).await;
    (client, events)
}

async fn seen(events: &mut mpsc::UnboundedReceiver<Event>, event: &Event) {
    while events.recv().await.expect("an event") != *event {}
}
