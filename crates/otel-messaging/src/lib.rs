//! OpenTelemetry context propagation through message queues: the core of the otel-messaging crates.
//!
//! The core knows no client library. Most programs depend on the adapter for their client and need
//! nothing else, because each adapter re-exports the names that an application uses:
//!
//! | adapter | client | broker |
//! | --- | --- | --- |
//! | `otel-messaging-lapin` | lapin | RabbitMQ |
//! | `otel-messaging-rdkafka` | rdkafka | Kafka |
//! | `otel-messaging-async-nats` | async-nats | NATS, core and JetStream |
//!
//! A program with several clients imports the shared names from this crate. It must still name each
//! adapter, because the compiler leaves out a crate that the program never names:
//! `use otel_messaging_lapin as _;`.
//!
//! # Two lines
//!
//! The producer's program wraps its client. The consumer's program wraps its handler. With an adapter
//! the two lines are:
//!
//! ```text
//! let producer = InjectingProducer::new(producer);
//! with_message_context(&message, handle).await;
//! ```
//!
//! Without an adapter, [`inject`] and [`extract`] do the same for any map of strings:
//!
//! ```
//! use opentelemetry::Context;
//! use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! use std::collections::BTreeMap;
//!
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
//! # What you will see
//!
//! The message has the header `traceparent: 00-<trace id>-<span id>-01`, and `tracestate` and `baggage`
//! where there are any. The sending and the handling each have a span, and both are in one trace:
//!
//! ```text
//! checkout              your span
//! └─publish orders      PRODUCER, started by the wrapped producer
//!   └─process orders    CONSUMER, started by `with_message_context`
//!     └─write invoice   your span, started by the handler
//! ```
//!
//! Without a tracer provider there are no spans. The context still propagates: the messages that a
//! handler sends carry the context of the message that it handles.
//!
//! # Set up `tracing`
//!
//! If the program uses the `tracing` crate, turn on the feature `tracing` of its adapter. The spans of
//! messages are then spans of `tracing`, and the spans and events of `#[instrument]`ed handlers are in
//! the message's trace. The feature needs tracing-opentelemetry 0.34:
//!
//! ```no_run
//! use opentelemetry::global;
//! use opentelemetry::trace::TracerProvider;
//! use opentelemetry_sdk::metrics::SdkMeterProvider;
//! use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
//! use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter};
//! use otel_messaging::{propagation, self_check};
//! use tracing_subscriber::layer::SubscriberExt;
//! use tracing_subscriber::util::SubscriberInitExt;
//! use tracing_subscriber::{EnvFilter, fmt};
//!
//! /// Call it when the program starts, and call `shutdown` on the providers when the program ends.
//! fn set_up_telemetry(
//!     spans: impl SpanExporter + 'static,
//!     metrics: impl PushMetricExporter,
//! ) -> (SdkTracerProvider, SdkMeterProvider) {
//!     // The service's name comes from OTEL_SERVICE_NAME; "shop" is the name of the scope.
//!     let tracers = SdkTracerProvider::builder().with_batch_exporter(spans).build();
//!     let meters = SdkMeterProvider::builder().with_periodic_exporter(metrics).build();
//!     let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer("shop"));
//!     tracing_subscriber::registry()
//!         .with(EnvFilter::new("info")) // also for the spans: debug lines would be events of them
//!         .with(fmt::layer())
//!         .with(layer)
//!         .init();
//!     global::set_tracer_provider(tracers.clone());
//!     global::set_meter_provider(meters.clone()); // for the metrics of messages
//!     global::set_text_map_propagator(propagation::w3c());
//!     for finding in self_check() {
//!         eprintln!("{finding}");
//!     }
//!     (tracers, meters)
//! }
//! ```
//!
//! To look at the spans in a test, use `InMemorySpanExporter` of opentelemetry_sdk's feature `testing`, with
//! `with_simple_exporter`.
//!
//! A filter from `RUST_LOG` must let the level INFO of the target `otel_messaging` pass:
//! `RUST_LOG=app=info,otel_messaging=info`. Otherwise the spans of messages are still exported, as spans of
//! OpenTelemetry alone, but they are missing in the log lines.
//!
//! A program without `tracing` needs neither the feature nor the layer and its subscriber. Its spans come
//! from the global tracer provider. Call a publish inside your span (`Tracer::in_span`); you may await its
//! future later. In a handler the message's context is current, so
//! `global::tracer("shop").start("write invoice")` makes a child of `process orders`.
//!
//! [`self_check`] returns the mistakes in a program's set-up, each [`Finding`](instrumentation::Finding)
//! with its remedy. Call it once your telemetry is set up. [`Instrumentation::self_check_message`] says
//! whether the context of a message that came in can be read.
//!
//! # Errors
//!
//! If the handler returns an error, [`try_with_message_context`] marks the message's span as failed. It
//! **exports the error's text** as the status of the span. Pass what you do about the error to
//! [`on_error`](consumer::InContext::on_error), such as a reject: it runs inside that span, and the span
//! ends after it.
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
//! The hook returns a `Result` with the handler's value and an error of its own, which is the result of
//! the call. So a handler's error that the hook dealt with is gone. In an async closure, name the hook's
//! error: `Ok::<_, std::io::Error>(())`. An error that the hook returns is not put on the span. If an ack
//! within the handler fails and the handler returns that error, it is the handler's error.
//!
//! [`try_with_message_context_with`] takes errors of any type. The application decides what is exported,
//! or that the error was expected. Use it for `Box<dyn Error>` and the like, whose own type says nothing:
//!
//! ```
//! use otel_messaging::{Failure, Received, try_with_message_context_with};
//!
//! enum OrderError {
//!     Malformed,
//!     Busy,
//!     Refused(String),
//! }
//!
//! /// What an error is on the span: `error.type` and the status's text, or nothing.
//! fn failure(error: &OrderError) -> Option<Failure> {
//!     match error {
//!         OrderError::Malformed => Some(Failure::new("malformed", "not an order")),
//!         OrderError::Busy => None, // expected; `on_error` runs all the same
//!         OrderError::Refused(why) => Some(Failure::new("refused", why)),
//!     }
//! }
//!
//! # async fn handle<M>(_message: &M) -> Result<(), OrderError> { Ok(()) }
//! # async fn settle<M>(_message: &M, _error: OrderError) -> std::io::Result<()> { Ok(()) }
//! # async fn consume<C, M: Received<C>>(message: M) -> std::io::Result<()> {
//! try_with_message_context_with(&message, handle, failure)
//!     .on_error(|error| settle(&message, error))
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! `dead_letter` of the wrapped producers writes the error's `Display` into a header and onto its span,
//! whatever `failure` returns. If the error's text must not leave the program, pass a text of your own,
//! such as `&"rejected"`.
//!
//! Call a handler with more arguments in a closure:
//! `with_message_context(&message, |message| handle(message, &producer))`. A handler that owns its message
//! runs in `process(&message).run(handle(message))`. `run` and `try_run_with(handle(message), failure)` take
//! a future, not a function. A handler that is not asynchronous runs inside the guard of [`process`], and
//! handles its error before it drops the guard.
//!
//! # Settlement
//!
//! RabbitMQ, JetStream and Kafka want to know what became of a message. [`with_settlement`] handles a message
//! and settles it by the handler's outcome, inside the message's span: `Ok` is acknowledged, and a message
//! whose handler fails, panics or is dropped goes back to the broker. So a message may be handled twice, and
//! is not lost, unless the broker ends its deliveries after so many.
//!
//! ```
//! # use otel_messaging::consumer::{Settle, Unsettled};
//! # use otel_messaging::with_settlement;
//! # async fn handle<M>(_message: &M) -> std::io::Result<()> { Ok(()) }
//! # async fn consume<C: 'static, M: Unsettled<C>>(
//! #     message: M,
//! #     reject: <M::Settler as Settle<C>>::Settlement,
//! # ) -> Result<(), <M::Settler as Settle<C>>::Error> {
//! // the `?` is for a settlement that failed; the handler's own result is inside
//! if let Err(error) = with_settlement(&message, handle).or(reject).await? {
//!     eprintln!("the message was rejected: {error}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What becomes of a message whose handler failed is the application's choice:
//! [`or`](consumer::Settling::or) takes a `Settlement` of the adapter, [`or_else`](consumer::Settling::or_else)
//! a function of the error, and [`on_error`](consumer::Settling::on_error) a future, such as one that puts the
//! message aside with `dead_letter`. If that future returns `Ok`, the message is acknowledged.
//!
//! A [`guard`] settles a message by hand, once: `guard.ack().await`. If it is dropped before, the message goes
//! back. [`Guard::with_settlement`](consumer::Guard::with_settlement) handles the guard's message, and its
//! handler may settle it early.
//!
//! Settlements by the client's own methods have no span. A delivery of lapin knows that its `ack`, `nack` or
//! `reject` was called, and is not settled again. A message of JetStream does not, and the crate settles it once
//! more. On Kafka the crate does not see the offsets that a program stores. So call the client's own methods in
//! the handler of [`try_with_message_context`], which settles nothing.
//!
//! # Metrics
//!
//! If the program sets a meter provider, the crates record how many messages are sent and consumed, how
//! long sends, polls and handlers take, how long messages wait in their queues, and what becomes of their
//! contexts. [`semconv`] lists each metric and each attribute, by operation and client.
//!
//! A metric has the destination of its messages only if the application says that there are few:
//! [`with_metric_destinations`](instrumentation::Builder::with_metric_destinations), or a template for many,
//! [`with_destination_template`](instrumentation::Builder::with_destination_template). Temporary destinations
//! are on no metric. Keys of baggage, such as a tenant, are on metrics if the application lists them
//! ([`with_baggage_on_metrics`](instrumentation::Builder::with_baggage_on_metrics)), with a bound on their values.
//!
//! A global provider that is set later, or replaced, counts a second later at most: see [`Instrumentation`]. Without
//! one, nothing of a metric is computed.
//!
//! # Logs
//!
//! What a handler logs is in the message's trace. With opentelemetry-appender-tracing 0.33, or OpenTelemetry's
//! own `Logger`, each record carries the trace id and the span id that are current where it is written: in the
//! handler, in its `on_error` hook, and in background work that is wrapped as below. It does so also if the
//! span is not sampled. No setting of this crate is needed, nor a feature.
//!
//! A record inside an `#[instrument]`ed function carries the span of that function if tracing-opentelemetry's
//! layer activates contexts, which is its default. Without activation, OpenTelemetry does not know that span,
//! and the record carries the message's span. A message of a [batch](with_batch_context) has no span of its
//! own, so its records carry the span that sent it.
//!
//! With the feature `logs`, failures are log events too, as OpenTelemetry's conventions want them: see
//! `with_exception_events` of [`Builder`](instrumentation::Builder).
//!
//! # Background work
//!
//! Spawned tasks and threads do not inherit the context. Wrap the work that a handler gives to them. Its
//! spans are then in the trace of the message, and so are the messages that it publishes:
//!
//! ```
//! use otel_messaging::{Job, closure_in_context, future_in_context};
//!
//! # async fn print_label(_order: u32) {}
//! # fn weigh(_order: u32) {}
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let (jobs, _queue) = tokio::sync::mpsc::channel(8);
//! let printing = tokio::spawn(future_in_context(print_label(7)));
//! let weighing = tokio::task::spawn_blocking(closure_in_context(|| weigh(7)));
//! jobs.send(Job::new(7)).await.unwrap(); // a worker calls `job.run(print_label)`
//! # printing.await.unwrap();
//! # weighing.await.unwrap();
//! # }
//! ```
//!
//! These wrappers carry the context, and not the span that a `fmt` layer prints. For log lines that show
//! the handler's spans too, combine both: `future_in_context(work.in_current_span())`. For a closure:
//! `let span = Span::current(); closure_in_context(move || span.in_scope(work))`.
//!
//! The module [`background`] has an example for each executor.
//!
//! # Several messages
//!
//! A publish takes the context that is current at the call, so its future may be awaited later and
//! anywhere. A program that has many publishes under way therefore gets each message in the right trace.
//!
//! A consumer that handles several messages at once calls [`with_message_context`] for each. Their
//! futures may run side by side in one task (`join!`, `FuturesUnordered`): the context of a message is
//! current only while its own handler runs.
//!
//! A batch can also be handled as one operation. [`with_batch_context`] makes one span of it, with a link to
//! the sender of each message, and gives each message its own context inside:
//!
//! ```
//! use otel_messaging::consumer::{Collected, collect};
//! use otel_messaging::{Received, with_batch_context};
//! # use futures_util::stream::Stream;
//! use std::time::Duration;
//! use tokio::time::sleep;
//!
//! # async fn handle<M>(_message: &M) {}
//! # async fn consume<C, M: Received<C>, E>(
//! #     mut stream: impl Stream<Item = Result<M, E>> + Unpin,
//! # ) -> Result<(), E> {
//! let mut batch = Vec::new();
//! loop {
//!     // up to 100 messages, or what comes within 50 milliseconds
//!     let time = sleep(Duration::from_millis(50));
//!     let collected = collect(&mut batch, &mut stream, 100, time).await;
//!     with_batch_context(&batch, async |messages| {
//!         for message in messages {
//!             message.run(handle).await; // what it publishes is in the trace of this message
//!         }
//!     })
//!     .await;
//!     batch.clear();
//!     if collected? == Collected::End {
//!         return Ok(());
//!     }
//! }
//! # }
//! ```
//!
//! ```text
//! process orders        CONSUMER, linked to each sender; what the messages do not share is on the links
//!
//! publish orders        the sender of one of them
//! └─write invoice       started by that message's handler
//! ```
//!
//! [`with_batch_settlement`] does the same and settles the messages, together or each by its own outcome.
//!
//! If one message is made of many, publish it inside a [`Join`](producer::Join): its span then has a link to
//! the sender of each. A `Join` is made of received messages, of jobs, or of stored contexts.
//!
//! The wrapped producers send a batch by the handle that their method `batch` returns. Each message has a
//! span `create {destination}`, whose context it carries, and one span, linked to all of them, stands for
//! the sending. [`with_create_spans`](instrumentation::Builder::with_create_spans) turns the create spans off.
//!
//! To relay a received message, the wrapped producers have three methods. `forward` keeps the message's
//! context, `republish` replaces it by the current one, and `dead_letter` also says what failed, where,
//! and in which trace.
//!
//! # What else there is
//!
//! - [`Instrumentation::builder`] makes other settings: a tracer provider, a meter provider, a propagator, a
//!   budget; templates of destinations; attributes of the application's own, captured headers and sizes on
//!   spans; how spans stand to each other ([`Relation`](instrumentation::Relation)); and when a message that
//!   comes late or again is handled in a trace of its own. Give the result to a
//!   wrapped producer (`with_instrumentation`), or call its methods, such as
//!   [`Instrumentation::with_message_context`]. [`Instrumentation::set_global`] makes it the one that
//!   the free functions use; a program can call it once.
//! - The module [`trust`] has rules for contexts that come in and go out. By default all senders are believed, and
//!   messages carry the whole context.
//! - With the feature `sdk`, a `BaggageProcessor` in the program's tracer and logger providers copies keys of
//!   baggage onto all spans and logs, the application's too. So they all have the tenant of their message, say.
//! - [`Instrumentation::consumer`] makes a handle for a consumer. The handle puts what the messages do not
//!   know on their spans and metrics, such as the group and the server (see
//!   [`ConsumerInfo`](consumer::ConsumerInfo)): `let messages = Instrumentation::global().consumer(info)`.
//!   Clone it, or keep it in a struct. It also makes spans of polls
//!   ([`Consumer::receive`](consumer::Consumer::receive)).
//! - [`Instrumentation::disabled`] turns everything off, for one producer or one consumer:
//!   `InjectingProducer::new(client).with_instrumentation(Instrumentation::disabled())`, and
//!   `Instrumentation::disabled().with_message_context(&message, handle)`. A message from such a producer
//!   carries no context, so its receivers start new traces. The environment variable
//!   `OTEL_SDK_DISABLED=true` turns off the spans and metrics of these crates, and no
//!   others. Contexts still propagate.
//! - Where there are no headers, such as in a table or a list, an [`Envelope`] holds the payload and its
//!   context. A [`ContextCarrier`] holds the context alone: [`get_context`] and [`attach_context`].
//! - A child process gets the context by [`inject`] into its [`Command`](std::process::Command). It
//!   reads the context with [`extract`] from [`Environment::of_process`](propagation::Environment::of_process).
//! - The module [`loss`] counts what could not be propagated, links that spans have no room for, and panics
//!   of the application's telemetry.
//! - [`propagation::w3c`] is the pair of W3C propagators that this crate uses by default. It serves any
//!   program.
//! - The module [`adapter`] is for authors of adapters for other clients.
//!
//! # From call to span
//!
//! | call | span |
//! | --- | --- |
//! | `InjectingProducer`'s publishing methods (in the adapters) | `publish {destination}` or `send {destination}`, PRODUCER, child of the context at the call |
//! | their `forward` | as a publish, but CLIENT and linked to the span that the message came from; the message keeps its context |
//! | their `republish`, `dead_letter` | as a publish, and linked to the span that the message came from |
//! | the same methods of a handle that `InjectingProducer::batch` returns | `create {destination}`, PRODUCER, child of the context at the call (none by `forward`); and for the whole batch `publish {destination}` or `send {destination}`, CLIENT, child of the context at `batch()`, linked to each create span |
//! | [`with_message_context`], [`try_with_message_context`], [`process`] | `process {destination}`, CONSUMER, child of the sender's span and linked to it, and to the span that is current at the call |
//! | [`with_batch_context`], [`try_with_batch_context`], [`process_batch`] | `process {destination}`, CONSUMER, one for the batch: child of the context at the call, linked to the sender of each message |
//! | [`BatchMessage::run`](consumer::BatchMessage::run) and its siblings | none; the spans of the handler are children of the sender's span, and an error or a panic marks the batch's |
//! | [`Consumer::receive`](consumer::Consumer::receive) | `receive {destination}` (`poll` on Kafka), CLIENT, child of the context at the call, linked to the sender of each message |
//! | [`Join::run`](producer::Join::run), [`Join::call`](producer::Join::call) | none; the spans of publishes inside have a link to each sender |
//! | [`consumer::collect`] | none |
//! | the same methods of [`Instrumentation`] and of a [`Consumer`](consumer::Consumer) | the same; a `Consumer` adds the attributes of its [`ConsumerInfo`](consumer::ConsumerInfo) |
//! | these functions on an [`Envelope`] | `process {destination}`, with the destination that it says [it was received from](Envelope::received_from) |
//! | [`try_with_message_context_with`], [`MessageSpan::try_run_with`](consumer::MessageSpan::try_run_with) | the same; the application decides how an error marks the span |
//! | [`with_settlement`], [`with_settlement_with`], and the same methods of a [`Guard`](consumer::Guard) | the same, and inside it the settlement: `ack {destination}` and the like, CLIENT, child of the process span |
//! | [`with_batch_settlement`] | as `with_batch_context`; those that are settled together have one span `ack {destination}`, CLIENT, child of the batch's; those that are settled one by one have a span each, in the messages' traces |
//! | [`Guard::ack`](consumer::Guard::ack), [`Guard::settle`](consumer::Guard::settle) | `ack {destination}` and the like, CLIENT, child of the context at the call |
//! | [`InContext::on_error`](consumer::InContext::on_error) | none: the spans that the hook starts are children of the message's span, which ends after the hook |
//! | [`inject`], [`extract`], [`get_context`], [`attach_context`] | none |
//! | [`future_in_context`], [`closure_in_context`], [`Job`] (see [`background`]) | none; the spans of the work join the handler's |
//! | [`inject`] into a [`Command`](std::process::Command), [`extract`] from the [`Environment`](propagation::Environment) of the process that it starts | none; the spans of that process are children of the span that was current |
//!
//! If a message has several contexts, and its protocol does not say which one counts, it is handled in a
//! new trace, with a link to each sender ([`Carrier::contexts`](adapter::Carrier::contexts)).
//!
//! A poison message fails each time and comes back each time. From its eleventh delivery on it is handled in a
//! trace of its own, with a link to its sender's
//! ([`with_link_after_deliveries`](instrumentation::Builder::with_link_after_deliveries)).
//! Kafka does not say that it delivers again.
//! [`with_link_after_age`](instrumentation::Builder::with_link_after_age) does the same for old messages, on
//! Kafka too.
//!
//! # Features
//!
//! - `internal-logs` (on by default): log lines through `tracing`, with the target `otel_messaging`. They
//!   report what could not be propagated, panics of telemetry, and a missing or filtered layer.
//! - `tracing`: spans of messages are spans of the `tracing` crate, in programs with
//!   tracing-opentelemetry 0.34. The spans and events of `#[instrument]`ed handlers are then in the
//!   message's trace, and a message that goes out carries the innermost entered span of `tracing`.
//!   Let the level INFO of the target `otel_messaging` pass your filters
//!   (`RUST_LOG=app=info,otel_messaging=info`). If the layer is missing or filtered, the spans are spans
//!   of OpenTelemetry alone. The log says so once, if the feature `internal-logs` is on. A message's
//!   span is a root in `tracing`: log lines of its handler do not show the span around the consumer's
//!   loop. If a filter of the `fmt` layer alone hides the target `otel_messaging`, they show the span around
//!   the loop instead. [`self_check`] does not see such a filter, because the exported spans are right.
//! - `logs`: `with_exception_events` of [`Builder`](instrumentation::Builder) logs failures as events of
//!   OpenTelemetry.
//! - `serde`: [`ContextCarrier`] is read and written as a map of strings, and [`Envelope`] with its
//!   payload. The feature depends on serde_json, to read a context from any JSON without an error;
//!   SECURITY.md lists the exceptions.
//! - `sdk`: `sdk::BaggageProcessor`, which copies baggage onto all spans and logs, and `sdk::Resampler`, which lets
//!   a sampler decide on messages whose flag does not count. The feature depends on opentelemetry_sdk 0.33, and
//!   turns on its features `trace` and `logs`.
//! - `conformance`: the rules of a carrier, for the tests of an adapter for another client.
//!
//! # Limits
//!
//! - OpenTelemetry's global settings are per version of the `opentelemetry` crate: two versions
//!   in one program do not see each other's settings. This crate is for 0.33.
//! - If the application's own telemetry panics, messages are still sent and handled.
//!   [`caught_panics`](loss::caught_panics) counts the panics; its documentation says which cannot be
//!   caught. Slow telemetry slows each message: a slow sampler slows each `send`.
//! - A context extracted from a message does not have the values that the application attached to
//!   the surrounding context.
//! - In one case the handler's spans of `tracing` are children of the span around the consumer's loop:
//!   with the feature `tracing`, if tracing-opentelemetry's layer does not activate contexts and is inside
//!   a `reload::Layer`. This crate cannot see such a layer, so it reports that the layer is missing. Put
//!   the `reload::Layer` around the filter and not around the layer.

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
#[cfg(feature = "sdk")]
pub mod sdk;
mod self_check;
pub mod stored;
mod telemetry;
pub mod trust;

pub use background::closure::closure_in_context;
pub use background::future::future_in_context;
pub use background::job::Job;
pub use consumer::batch::{process_batch, try_with_batch_context, with_batch_context};
pub use consumer::fallible::{try_with_message_context, try_with_message_context_with};
pub use consumer::process::{process, with_message_context};
pub use consumer::settle::batch::with_batch_settlement;
pub use consumer::settle::by_outcome::{with_settlement, with_settlement_with};
pub use consumer::settle::guard::guard;
pub use context::current::current_context;
pub use instrumentation::global::{extract, inject};
pub use instrumentation::settings::Instrumentation;
pub use message::received::Received;
pub use operation::failure::Failure;
pub use self_check::self_check;
pub use stored::context_carrier::{ContextCarrier, attach_context, get_context};
pub use stored::envelope::Envelope;
pub use telemetry::semconv;

pub use opentelemetry;
