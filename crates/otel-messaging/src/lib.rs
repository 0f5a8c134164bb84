//! OpenTelemetry context propagation through message queues: the core, which knows no client.
//!
//! A program takes the adapter of its client and needs nothing else: `otel-messaging-lapin`
//! (RabbitMQ), `otel-messaging-rdkafka` (Kafka), `otel-messaging-async-nats` (NATS). Each
//! re-exports what its users need of this crate. A program with several clients imports the
//! shared names from here; an adapter of which it names nothing has to be mentioned all the same
//! (`use otel_messaging_lapin as _;`), or the compiler leaves it out.
//!
//! ```
//! use opentelemetry::Context;
//! use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! use std::collections::BTreeMap;
//!
//! // Any string map is a carrier, as the headers of each client are.
//! let mut headers = BTreeMap::new();
//! let tracer = SdkTracerProvider::default().tracer("shop");
//! let trace_id = tracer.in_span("checkout", |context| {
//!     otel_messaging::inject(&context, &mut headers);
//!     context.span().span_context().trace_id()
//! });
//!
//! // Elsewhere, later: the work joins the trace of the checkout.
//! let context = otel_messaging::extract(&headers);
//! assert_eq!(context.span().span_context().trace_id(), trace_id);
//! ```
//!
//! `headers` now holds `traceparent: 00-<trace id>-<span id>-01`, and whatever runs in `context`
//! is part of that trace.
//!
//! # From call to span
//!
//! | call | span |
//! | --- | --- |
//! | `InjectingProducer`'s publishing methods (in the adapters) | `publish {destination}` or `send {destination}`, PRODUCER, child of the context at the call |
//! | their `forward` | as a publish, but CLIENT and linked to the span that the message came from; the message keeps its context |
//! | their `republish`, `dead_letter` | as a publish, and linked to the span that the message came from |
//! | [`with_message_context`], [`try_with_message_context`], [`process`] | `process {destination}`, CONSUMER, child of the sender's span and linked to it |
//! | these functions on an [`Envelope`] | `process {destination}`, with the destination that it says [it was received from](Envelope::received_from) |
//! | [`try_with_message_context_with`], [`MessageSpan::try_run_with`](consumer::MessageSpan::try_run_with) | the same; the application says what an error is on it |
//! | [`InContext::on_error`](consumer::InContext::on_error) | none: the spans that the hook starts are children of the message's span, which ends after the hook |
//! | [`inject`], [`extract`], [`get_context`], [`attach_context`] | none |
//! | [`future_in_context`], [`closure_in_context`], [`Job`] (see [`background`]) | none; the spans of the work join the handler's |
//! | [`inject`] into a [`Command`](std::process::Command), [`extract`] from the [`Environment`](propagation::Environment) of the process that it starts | none; those of that process are children of the span that was current |
//!
//! A message with several contexts of which its protocol does not tell the one that counts is handled in
//! a new trace, with a link to each sender ([`Carrier::contexts`](adapter::Carrier::contexts)).
//!
//! A message that comes late or again is handled in a trace of its own, with a link, if
//! [`with_link_after_deliveries`](instrumentation::Builder::with_link_after_deliveries) or [`with_link_after_age`](instrumentation::Builder::with_link_after_age)
//! says so.
//!
//! Without a tracer provider there are no spans, and everything still propagates: what came in
//! goes out.
//!
//! # When a handler fails
//!
//! If the handler returns an error, [`try_with_message_context`] marks the message's span as failed, and
//! **exports the error's text** as its status. Pass what you do about the error to
//! [`on_error`](consumer::InContext::on_error): it runs inside that span, and the span ends after it.
//!
//! ```
//! # use otel_messaging::{Received, try_with_message_context};
//! # use std::num::ParseIntError;
//! # async fn handle<M>(_message: &M) -> Result<(), ParseIntError> { Ok(()) }
//! # async fn dead_letter<M>(_message: &M, _error: ParseIntError) -> std::io::Result<()> { Ok(()) }
//! # async fn consume<C, M: Received<C>>(message: M) -> std::io::Result<()> {
//! try_with_message_context(&message, handle)
//!     .on_error(|error| dead_letter(&message, error)) // its span is a child of the message's
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`try_with_message_context_with`] takes any error and lets the application say what is exported, or
//! that the error was expected. A synchronous handler has the error at hand while its guard lives
//! ([`process`]).
//!
//! # Is it set up?
//!
//! [`self_check`] returns what is wrong with a program's set-up, each [`Finding`](instrumentation::Finding) with its remedy. Call it
//! once your telemetry is set up. [`Instrumentation::self_check_message`] tells whether the context of a
//! message that came in can be read.
//!
//! ```
//! for finding in otel_messaging::self_check() {
//!     eprintln!("{finding}");
//! }
//! ```
//!
//! # Features
//!
//! - `internal-logs` (on by default): log lines through `tracing`: what could not be propagated, panics
//!   of telemetry, and a missing or filtered layer. Their target is `otel_messaging`.
//! - `tracing`: spans of messages are spans of the `tracing` crate, in programs with
//!   tracing-opentelemetry 0.34, so that the spans and events of `#[instrument]`ed handlers land in
//!   the message's trace, and a message that goes out carries the innermost entered span of `tracing`.
//!   Let the level INFO of the target `otel_messaging` pass your filters
//!   (`RUST_LOG=app=info,otel_messaging=info`). If the layer is missing or filtered, they are spans of
//!   OpenTelemetry alone, and the log says so once, which needs the feature `internal-logs`. A message's
//!   span is a root in `tracing`: log lines of its handler do not show the span around the consumer's
//!   loop.
//! - `serde`: [`ContextCarrier`] is read and written as a map of strings, and [`Envelope`] with its
//!   payload. It depends on serde_json, to read a context from any JSON without an error; SECURITY.md
//!   lists the exceptions.
//! - `conformance`: the rules of a carrier, to be tried on that of another client. For tests.
//!
//! # Limits
//!
//! - OpenTelemetry's global settings are per version of the `opentelemetry` crate: two versions
//!   in one program do not see each other's. This one is for 0.33.
//! - If the application's own telemetry panics, messages are still sent and handled; [`caught_panics`](loss::caught_panics)
//!   counts, and says what cannot be caught. Telemetry that is slow makes messages slow: a slow sampler
//!   slows each `send`.
//! - A context extracted from a message has none of the values that the application attached to
//!   the surrounding one.
//! - With the feature `tracing`, where tracing-opentelemetry's layer does not activate contexts and is
//!   inside a `reload::Layer`: in a loop inside a span, the handler's spans of `tracing` are children of
//!   the loop's span. This crate cannot see such a layer, so it reports that there is none. Put the
//!   `reload::Layer` around the filter and not around the layer.

pub mod adapter;
pub mod background;
mod carrier;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod consumer;
mod context;
mod field;
pub mod instrumentation;
pub mod loss;
mod message;
mod operation;
mod policy;
pub mod producer;
pub mod propagation;
pub mod stored;
mod telemetry;

pub use background::closure::closure_in_context;
pub use background::future::future_in_context;
pub use background::job::Job;
pub use consumer::fallible::{try_with_message_context, try_with_message_context_with};
pub use consumer::process::{process, with_message_context};
pub use context::current::current_context;
pub use instrumentation::global::{extract, inject};
pub use instrumentation::self_check::self_check;
pub use instrumentation::settings::Instrumentation;
pub use message::received::Received;
pub use operation::failure::Failure;
pub use stored::context_carrier::{ContextCarrier, attach_context, get_context};
pub use stored::envelope::Envelope;

pub use opentelemetry;
