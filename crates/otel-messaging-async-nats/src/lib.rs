//! OpenTelemetry context propagation for [`async_nats`]: one trace through NATS, core and
//! JetStream.
//!
//! ```no_run
//! use async_nats::{Client, Message};
//! use futures_util::StreamExt;
//! use otel_messaging_async_nats::{InjectingProducer, with_message_context};
//!
//! async fn produce(client: Client) -> Result<(), async_nats::Error> {
//!     let client = InjectingProducer::new(client); // <- one line
//!     client.publish("orders", "order 7".into()).await?;
//!     Ok(())
//! }
//!
//! async fn consume(client: Client) -> Result<(), async_nats::Error> {
//!     let mut subscriber = client.subscribe("orders").await?;
//!     while let Some(message) = subscriber.next().await {
//!         with_message_context(&message, handle).await; // <- and one line
//!     }
//!     Ok(())
//! }
//!
//! async fn handle(message: &Message) {
//!     // spans started here join the producer's trace
//!     let _ = message;
//! }
//! ```
//!
//! The message goes out with one header `traceparent` (and `tracestate` and `baggage` where there
//! are any); the handler's spans are children of `process orders`, which is a child of the
//! sender's `publish orders`.
//!
//! # From call to span
//!
//! | call | span | ends |
//! | --- | --- | --- |
//! | [`InjectingProducer<Client>`](InjectingProducer): `publish`, `publish_with_headers`, `publish_with_reply`, `publish_with_reply_and_headers` | `publish {subject}`, PRODUCER | when the client has taken the message |
//! | [`InjectingProducer<Client>`](InjectingProducer): `request`, `request_with_headers`, `send_request` | `request {subject}`, PRODUCER | with the reply |
//! | [`InjectingProducer<jetstream::Context>`](InjectingProducer): `publish`, `publish_with_headers`, `send_publish` | `publish {subject}`, PRODUCER | when its [`PublishAckFuture`] has the answer, or is dropped |
//! | [`with_message_context`], [`try_with_message_context`], [`process`] on a `Message` or `jetstream::Message` | `process {subject}`, CONSUMER, child of the sender's span and linked to it | with the handler |
//! | subscribing, acknowledging | none | |
//!
//! Subjects below `_INBOX.` stay out of the span's name. A publish that is made and never awaited
//! still leaves its span.
//!
//! # Features
//!
//! Those of the core, `internal-logs` (on by default) and `serde`. async-nats is taken with its
//! feature `jetstream` alone, so no provider of cryptography is forced; a program that uses TLS
//! chooses one in its own dependency.
//!
//! # Limits
//!
//! - Names are written in lower case, as Java, Node and Python read them. Go programs that use
//!   OpenTelemetry's HTTP carrier on NATS look for `Traceparent` alone and start a new trace.
//! - Inboxes with another prefix (`ConnectOptions::custom_inbox_prefix`) are not known as such and
//!   stand in the names of spans.
//! - A client does not know under which address it was reached: spans do not have it.
//! - async-nats itself fails on some hostile messages before this crate sees them: a header block
//!   that is not UTF-8 is lost with its message, and costs a reconnection; a CR inside a value
//!   panics in the client's task, and all its subscriptions end. The project's SECURITY.md says
//!   what helps.
//! - The client's `Sink` and its traits are not wrapped; [`inject`] writes into the headers of
//!   any message.

mod ack_subject;
mod client;
mod headers;
mod injection;
mod jetstream;
mod message;
mod onward;
mod producer;
#[cfg(feature = "service")]
mod service;
mod service_error;
mod spelling;
mod traits;

pub use headers::Nats;
pub use jetstream::{Acknowledgement, PublishAckFuture};
pub use onward::{DEAD_LETTER_SEQUENCE, DEAD_LETTER_STREAM};
pub use otel_messaging::{
    CarrierExtractor, CarrierInjector, ContextCarrier, DEAD_LETTER_ERROR, DEAD_LETTER_SOURCE,
    DEAD_LETTER_TRACEPARENT, Entered, Handling, Instrumentation, Processing, Received,
    attach_context, current_context, dropped_fields, extract, get_context, inject, process,
    propagation, refused_fields, try_with_message_context, with_message_context,
};
pub use producer::InjectingProducer;
#[cfg(feature = "service")]
pub use service::InjectingRequest;
pub use spelling::Spelling;
