//! An adapter for a client that has none yet, as its author would write it: here the client is a channel
//! within the process. `cargo test --example channel_adapter --all-features` runs its tests, the
//! conformance kit among them.

#![expect(
    unreachable_pub,
    reason = "client and adapter would be crates of their own"
)]

mod adapter;
mod channel;
#[cfg(test)]
mod tests;

use adapter::InjectingProducer;
use channel::Message;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_messaging::{Instrumentation, current_context};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), channel::SendError> {
    let (sender, mut receiver) = channel::channel(8);
    let provider = SdkTracerProvider::default();
    let by = Instrumentation::builder()
        .with_tracer_provider(&provider)
        .build();
    let producer = InjectingProducer::new(sender).with_instrumentation(by.clone());
    let message = Message {
        channel: "orders".to_owned(),
        body: b"order 7".to_vec(),
        ..Message::default()
    };
    producer.send(message)?;
    drop(producer);
    while let Some(message) = receiver.recv().await {
        by.with_message_context(&message, handle).await;
    }
    Ok(())
}

async fn handle(message: &Message) {
    let context = current_context();
    let trace_id = context.span().span_context().trace_id();
    println!("{} bytes, in the trace {trace_id}", message.body.len());
}
