//! Sends an order through NATS to itself. `before.rs` and `after.rs` are one program, without and
//! with its one trace; `diff` of the two shows what that takes.
//!
//! `NATS_URL` says where NATS is; the argument is the subject.

#[path = "../telemetry.rs"]
mod telemetry;

use async_nats::Message;
use futures_util::StreamExt;
use opentelemetry::trace::FutureExt;

#[tokio::main]
async fn main() -> Result<(), async_nats::Error> {
    let provider = telemetry::start();
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".into());
    let subject = std::env::args().nth(1).unwrap_or_else(|| "hello".into());
    let client = async_nats::connect(url).await?;
    let mut subscriber = client.subscribe(subject.clone()).await?;

    let order = async { client.publish(subject, "order 7".into()).await };
    order.with_context(telemetry::span("place order")).await?;

    if let Some(message) = subscriber.next().await {
        handle(&message).await;
    }
    provider.shutdown()?;
    Ok(())
}

async fn handle(message: &Message) {
    let _invoice = telemetry::span("write invoice");
    let order = String::from_utf8_lossy(&message.payload);
    println!("an invoice for {order}");
}
