//! OpenTelemetry context propagation for [`lapin`]: one trace through RabbitMQ.
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use lapin::message::Delivery;
//! use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions};
//! use lapin::types::FieldTable;
//! use lapin::{BasicProperties, Channel};
//! use otel_messaging_lapin::{InjectingProducer, try_with_message_context};
//!
//! async fn produce(channel: Channel) -> lapin::Result<()> {
//!     let channel = InjectingProducer::new(channel); // <- one line
//!     let options = BasicPublishOptions::default();
//!     let properties = BasicProperties::default();
//!     let confirm = channel
//!         .basic_publish("".into(), "orders".into(), options, b"order 7", properties)
//!         .await?;
//!     confirm.await?;
//!     Ok(())
//! }
//!
//! async fn consume(channel: Channel) -> lapin::Result<()> {
//!     let options = BasicConsumeOptions::default();
//!     let mut deliveries = channel
//!         .basic_consume("orders".into(), "".into(), options, FieldTable::default())
//!         .await?;
//!     while let Some(delivery) = deliveries.next().await {
//!         let delivery = delivery?;
//!         if let Err(error) = try_with_message_context(&delivery, handle).await { // <- and one
//!             eprintln!("an order was not handled: {error}");
//!         }
//!     }
//!     Ok(())
//! }
//!
//! async fn handle(delivery: &Delivery) -> lapin::Result<()> {
//!     // spans started here join the producer's trace
//!     delivery.ack(BasicAckOptions::default()).await?;
//!     Ok(())
//! }
//! ```
//!
//! The message goes out with one header `traceparent`, a long string (and `tracestate` and
//! `baggage` where there are any); the handler's spans are children of
//! `process orders`, which is a child of the sender's `publish orders`.
//!
//! # From call to span
//!
//! | call | span | ends |
//! | --- | --- | --- |
//! | [`InjectingProducer::basic_publish`] | `publish {exchange}:{routing key}` (an empty part is left out), PRODUCER | with the confirm; without confirms, when the channel has taken the message |
//! | [`with_message_context`], [`try_with_message_context`], [`process`] on a `Delivery` or `BasicGetMessage` | `process {exchange}:{routing key}`, CONSUMER, child of the sender's span and linked to it | with the handler |
//! | `ack`, `nack`, `reject` | none | |
//!
//! A publish that is made and never awaited still leaves its span.
//!
//! # Features
//!
//! Those of the core, `internal-logs` (on by default) and `serde`. lapin is taken without its
//! defaults, so no runtime and no TLS is forced: the program chooses both in its own dependency on
//! lapin.
//!
//! # Limits
//!
//! - A `Delivery` does not know its queue, nor a channel the server's address: spans have neither.
//! - Without one of its TLS features, lapin connects to an `amqps` address in clear text.
//! - lapin itself fails on some hostile messages before this crate sees them: thousands of nested
//!   tables overflow the stack of its I/O thread and end the process; a header name that is not
//!   UTF-8, and a frame a little larger than negotiated, end the connection. The project's
//!   SECURITY.md says what helps.
//! - Headers that do not fit in one frame with the other properties are an error of the
//!   connection. Of a context for which there is no room beside the program's own headers, baggage
//!   is left out first, then tracestate, at last all of it. A channel does not tell the negotiated
//!   size of a frame, so the default of 131,072 bytes is assumed; of a connection with less, see
//!   that the program's own headers leave 9,216 bytes, or what
//!   [`Instrumentation::with_injection_budget`] says.
//! - Headers of a message that has some are copied once to add to them: lapin gives them out by
//!   reference only.

mod confirm;
mod failure;
mod frame;
mod headers;
mod message;
mod onward;
mod producer;
mod redelivery;

pub use confirm::PublisherConfirm;
pub use headers::Lapin;
pub use otel_messaging::{
    CarrierExtractor, CarrierInjector, ContextCarrier, DEAD_LETTER_ERROR, DEAD_LETTER_SOURCE,
    DEAD_LETTER_TRACEPARENT, Entered, Handling, Instrumentation, Processing, Received,
    attach_context, current_context, dropped_fields, extract, get_context, inject, process,
    propagation, refused_fields, try_with_message_context, with_message_context,
};
pub use producer::InjectingProducer;
