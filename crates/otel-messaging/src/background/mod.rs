//! Background work: what a handler hands over to something else, in the trace of its message.
//!
//! A context is current on one thread. Nothing that a handler gives away inherits it: not a task, not
//! a thread, not a worker at the other end of a channel. What is given away takes it along, in one of
//! three wrappers. They capture the [current context](crate::current_context) at the call, that of
//! `tracing` with the feature of that name; they make it current while the work runs, and while a
//! future is dropped; and they restore what was current before, also by a panic.
//!
//! | given to | wrapped in |
//! | --- | --- |
//! | `tokio::spawn`, `JoinSet::spawn`, `spawn_local`, `Runtime::spawn`, another runtime | [`future_in_context`] |
//! | `spawn_blocking`, `std::thread::spawn`, `std::thread::scope`, `rayon::spawn` | [`closure_in_context`] |
//! | a channel to a pool of workers, a stage of a stream | [`Job`] |
//! | rayon's parallel iterators | the context itself, attached in the closure |
//! | a queue without headers, a table, another process | [`Envelope`](crate::Envelope), [`ContextCarrier`](crate::ContextCarrier) |
//!
//! Nothing has to be wrapped that runs inside the handler's own future: what it awaits, `join!`,
//! `select!`, `FuturesUnordered` and the like.
//!
//! # Tasks
//!
//! A task that is aborted is dropped in its context. A nested wrapper counts inside it: what a job
//! itself spawns is wrapped again, and then has the context of the job's own span.
//!
//! ```
//! use otel_messaging::future_in_context;
//! use tokio::task::JoinSet;
//!
//! # async fn print_label(_order: u32) {}
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let printing = tokio::spawn(future_in_context(print_label(7)));
//!
//! let mut set = JoinSet::new();
//! for order in 8..10 {
//!     set.spawn(future_in_context(print_label(order)));
//! }
//! set.join_all().await;
//! # printing.await.unwrap();
//! # }
//! ```
//!
//! In programs with `tracing`, [`in_current_span`] carries a part of it too: the span of `tracing` that is
//! current at the call, and with the feature `tracing` that is the message's. It depends on
//! tracing-opentelemetry's layer what else comes along:
//!
//! | in the task | `.in_current_span()`, the layer activates contexts (default) | `.in_current_span()`, the layer does not | [`future_in_context`] |
//! | --- | --- | --- | --- |
//! | spans of `tracing` join the message's trace | yes | yes | yes |
//! | messages that are published join it | yes | yes | yes |
//! | `Context::current()` and spans of OpenTelemetry join it | yes | no | yes |
//! | what was attached by hand, such as baggage, comes along | no | no | yes |
//! | a message's span that is not one of `tracing` comes along | no | no | yes |
//!
//! [`in_current_span`]: https://docs.rs/tracing/latest/tracing/trait.Instrument.html#method.in_current_span
//!
//! # Threads
//!
//! ```
//! use otel_messaging::closure_in_context;
//!
//! # fn print_label(_order: u32) {}
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let blocking = tokio::task::spawn_blocking(closure_in_context(|| print_label(7)));
//! let thread = std::thread::spawn(closure_in_context(|| print_label(8)));
//! rayon::spawn(closure_in_context(|| print_label(9)));
//!
//! let orders = [10, 11];
//! std::thread::scope(|scope| {
//!     for order in &orders {
//!         scope.spawn(closure_in_context(|| print_label(*order)));
//!     }
//! });
//! # blocking.await.unwrap();
//! # thread.join().unwrap();
//! # }
//! ```
//!
//! What is given to `rayon::scope` and `ThreadPool::install` runs in the pool already, where nothing is
//! current: wrap before. A parallel iterator calls its closure many times, on many threads:
//!
//! ```
//! use otel_messaging::current_context;
//! use rayon::prelude::*;
//!
//! # fn print_label(_order: &u32) {}
//! let context = current_context();
//! [7, 8, 9].par_iter().for_each(|order| {
//!     let _attached = context.clone().attach();
//!     print_label(order);
//! });
//! ```
//!
//! # Workers and streams
//!
//! A [`Job`] goes through a channel to whichever worker is free. In a stream each element keeps its
//! own context through every stage, in whatever order the stages finish:
//!
//! ```
//! use futures_util::{StreamExt, stream};
//! use otel_messaging::Job;
//!
//! # async fn print_label(_order: u32) -> String { String::new() }
//! # fn weigh(order: u32) -> u32 { order }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let orders: Vec<Job<u32>> = Vec::new();
//! let labels: Vec<String> = stream::iter(orders)
//!     .map(|job| job.map(weigh))
//!     .map(|job| job.run(print_label))
//!     .buffer_unordered(4)
//!     .collect()
//!     .await;
//! # }
//! ```
//!
//! Where the workers do the handling itself, so that its span should last until they are done, the
//! message goes to them with its [`MessageSpan`](crate::consumer::MessageSpan):
//!
//! ```
//! use otel_messaging::consumer::MessageSpan;
//! use otel_messaging::{Received, process};
//! use tokio::sync::mpsc::{Receiver, Sender};
//!
//! # async fn handle<M>(_message: M) {}
//! async fn receive<C, M: Received<C>>(message: M, jobs: Sender<(MessageSpan, M)>) {
//!     // A worker that is gone has ended the span.
//!     let _ = jobs.send((process(&message), message)).await;
//! }
//!
//! async fn work<M>(mut jobs: Receiver<(MessageSpan, M)>) {
//!     while let Some((processing, message)) = jobs.recv().await {
//!         processing.run(handle(message)).await;
//!     }
//! }
//! ```
//!
//! One span that joins many jobs, such as that of one message made of many, is linked to all of them:
//! [`Job::link`].
//!
//! # What you will see
//!
//! The spans of the work are children of the span that was current when it was handed over, in the
//! trace of the message, and may begin and end after it:
//!
//! ```text
//! process parcels
//!   └─print label
//! ```
//!
//! # Limits
//!
//! - Futures and closures hold the span of their context, so that they can add to it. One that nobody
//!   ends by name, as in `Tracer::in_span`, ends with the last of them; that of the message ends with
//!   its handler. A [`Job`] holds no span.
//! - With a tracing-opentelemetry layer that does not activate contexts, a handle of the current span
//!   of `tracing` is taken along, and a span inside the handler then ends with the last work that it
//!   handed over; the message's own ends with its handler.
//! - Such a layer goes by the entered span first. While work runs whose context only OpenTelemetry knows,
//!   as in a job of [`Job::with_context`], the spans that the worker has entered are hidden from
//!   `tracing`, so that the spans of the work join that context. Log lines of the work do not show them.
//! - Where a context is attached by hand there, as for parallel iterators and by
//!   [`attach_context`](crate::attach_context), spans of `tracing` are children of whatever span the
//!   worker has entered. So they are where the layer is inside a `reload::Layer`, which hides it.
//!   OpenTelemetry's own spans, and messages that are published, go by the context all the same.
//! - The context of a closure or a job that is dropped before it runs is not current in the
//!   destructors of what it owns.

pub(crate) mod closure;
pub(crate) mod future;
pub(crate) mod job;

pub use crate::operation::future::InContext;
pub use closure::closure_in_context;
pub use future::future_in_context;
pub use job::Job;
