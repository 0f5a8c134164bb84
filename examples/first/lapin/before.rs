//! Sends an order through RabbitMQ to itself. `before.rs` and `after.rs` are one program, without and
//! with its one trace; `diff` of the two shows what that takes.
//!
//! `AMQP_URL` says where RabbitMQ is; the argument is the queue.

#[path = "../telemetry.rs"]
mod telemetry;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use opentelemetry::trace::FutureExt;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let provider = telemetry::start();
    let url = std::env::var("AMQP_URL").unwrap_or_else(|_| "amqp://127.0.0.1:5672/%2f".into());
    let queue = std::env::args().nth(1).unwrap_or_else(|| "hello".into());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    let (options, arguments) = (QueueDeclareOptions::default(), FieldTable::default());
    channel
        .queue_declare(queue.as_str().into(), options, arguments)
        .await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer = channel
        .basic_consume(queue.as_str().into(), "first".into(), options, arguments)
        .await?;

    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let routing_key = queue.as_str().into();
    let order = async {
        channel
            .basic_publish("".into(), routing_key, options, b"order 7", properties)
            .await?
            .await
    };
    order.with_context(telemetry::span("place order")).await?;

    if let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        handle(&delivery).await;
        delivery.ack(BasicAckOptions::default()).await?;
    }
    connection.close(200, "done".into()).await?;
    provider.shutdown()?;
    Ok(())
}

async fn handle(delivery: &Delivery) {
    let _invoice = telemetry::span("write invoice");
    println!("an invoice for {}", String::from_utf8_lossy(&delivery.data));
}
