//! OpenTelemetry context propagation for [`rdkafka`]: one trace through Apache Kafka.
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use otel_messaging_rdkafka::{InjectingProducer, with_message_context};
//! use rdkafka::consumer::StreamConsumer;
//! use rdkafka::error::KafkaError;
//! use rdkafka::message::BorrowedMessage;
//! use rdkafka::producer::{FutureProducer, FutureRecord};
//! use std::time::Duration;
//!
//! async fn produce(producer: FutureProducer) -> Result<(), KafkaError> {
//!     let producer = InjectingProducer::new(producer); // <- one line
//!     let record = FutureRecord::to("orders").key("7").payload("order 7");
//!     producer
//!         .send(record, Duration::from_secs(5))
//!         .await
//!         .map_err(|(error, _record)| error)?;
//!     Ok(())
//! }
//!
//! async fn consume(consumer: StreamConsumer) -> Result<(), KafkaError> {
//!     let mut messages = consumer.stream();
//!     while let Some(message) = messages.next().await {
//!         let message = message?;
//!         with_message_context(&message, handle).await; // <- and one line
//!     }
//!     Ok(())
//! }
//!
//! async fn handle(message: &BorrowedMessage<'_>) {
//!     // spans started here join the producer's trace
//!     let _ = message;
//! }
//! ```
//!
//! The record goes out with one header `traceparent`, UTF-8 text (and `tracestate` and `baggage`
//! where there are any); the handler's spans are children of `process orders`, which is a child
//! of the sender's `send orders`.
//!
//! # From call to span
//!
//! | call | span | ends |
//! | --- | --- | --- |
//! | [`InjectingProducer::send`] | `send {topic}`, PRODUCER | with the broker's acknowledgement |
//! | [`InjectingProducer::send_result`] | the same | when its [`DeliveryFuture`] has the answer, or is dropped |
//! | [`with_message_context`], [`try_with_message_context`], [`process`] on a `BorrowedMessage` or `OwnedMessage` | `process {topic}`, CONSUMER, child of the sender's span and linked to it | with the handler |
//! | polling and committing | none | |
//!
//! A publish that is made and never awaited still leaves its span.
//!
//! # Features
//!
//! Those of the core, `internal-logs` (on by default) and `serde`. rdkafka is taken with its
//! feature `tokio` alone: librdkafka is built from its own source, and no system library is
//! needed.
//!
//! # Limits
//!
//! - A message does not know its consumer group, nor the server's address: spans have neither.
//! - A `BorrowedMessage` borrows its consumer: handle it where it is polled, or `detach()` it
//!   before `tokio::spawn`.
//! - librdkafka shows none of the headers of a record that has more than 100,000 of them.
//! - A record may be as large as the producer's `message.max.bytes`. Of a context for which there is
//!   no room, baggage is left out first, then tracestate, at last all of it.
//! - `BaseProducer` and `ThreadedProducer` have no wrapper yet; [`inject`] writes into the headers
//!   of their records.

#[cfg(test)]
mod conformance;
mod context;
mod delivery;
mod enqueuing;
mod future;
mod headers;
mod injection;
mod message;
mod native;
mod onward;
mod producer;
mod queue;
mod queued;
mod size;

pub use context::{InFlight, InjectingContext};
pub use delivery::DeliveryFuture;
pub use enqueuing::EnqueuingProducer;
pub use headers::Kafka;
pub use onward::ReceivedRecord;
pub use otel_messaging::{
    CarrierExtractor, CarrierInjector, ContextCarrier, DEAD_LETTER_ERROR, DEAD_LETTER_SOURCE,
    DEAD_LETTER_TRACEPARENT, Entered, Handling, Instrumentation, Processing, Received,
    attach_context, current_context, dropped_fields, extract, get_context, inject, process,
    propagation, refused_fields, try_with_message_context, with_message_context,
};
pub use producer::InjectingProducer;
pub use queue::RecordQueue;
