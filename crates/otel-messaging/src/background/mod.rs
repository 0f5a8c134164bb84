//! Background work: tasks, threads and workers that work for a handler, in the trace of its message.
//!
//! A context is current on one thread. Spawned tasks, threads and workers at the other end of a channel
//! do not inherit it. Wrap what a handler gives to them in one of three wrappers. A wrapper captures the
//! [current context](crate::current_context) at the call (with the feature `tracing`, the current span of
//! `tracing` too). It makes the context current while the work runs and while a future is dropped.
//! Afterwards, also after a panic, the earlier context is current again.
//!
//! | given to | wrapped in |
//! | --- | --- |
//! | `tokio::spawn`, `JoinSet::spawn`, `spawn_local`, `Runtime::spawn`, another runtime | [`future_in_context`] |
//! | `spawn_blocking`, `std::thread::spawn`, `std::thread::scope`, `rayon::spawn` | [`closure_in_context`] |
//! | a channel to a pool of workers, a stage of a stream | [`Job`] |
//! | rayon's parallel iterators | the context itself, attached in the closure |
//! | a queue without headers, a table, another process | [`Envelope`](crate::Envelope), [`ContextCarrier`](crate::ContextCarrier) |
//!
//! Work that runs inside the handler's own future needs no wrapper: what the handler awaits, `join!`,
//! `select!`, `FuturesUnordered` and the like.
//!
//! # Tasks
//!
//! If a task is aborted, it is dropped with its context current. Wrap what a task itself spawns again: it
//! then has the context of the task's own span.
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
//! In programs with `tracing`, [`in_current_span`] takes a part of it along: the current span of
//! `tracing`, which with the feature `tracing` is the message's span. What else it takes along depends on
//! tracing-opentelemetry's layer:
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
//! `rayon::scope` and `ThreadPool::install` run their closure in the pool, where no context is current:
//! capture the context before. A parallel iterator calls its closure many times, on many threads:
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
//! A [`Job`] goes through a channel to any worker that is free. In a stream each element keeps its own
//! context through every stage, in any order in which the stages finish:
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
//! If the workers handle the message, and its span should last until they are done, give them the message
//! together with its [`MessageSpan`](crate::consumer::MessageSpan):
//!
//! ```
//! use otel_messaging::consumer::MessageSpan;
//! use otel_messaging::{Received, process};
//! use tokio::sync::mpsc::{Receiver, Sender};
//!
//! # async fn handle<M>(_message: M) {}
//! async fn receive<C, M: Received<C>>(message: M, jobs: Sender<(MessageSpan, M)>) {
//!     // If the workers have ended, the error drops the span, which ends it.
//!     let _ = jobs.send((process(&message), message)).await;
//! }
//!
//! async fn work<M>(mut jobs: Receiver<(MessageSpan, M)>) {
//!     while let Some((span, message)) = jobs.recv().await {
//!         span.run(handle(message)).await;
//!     }
//! }
//! ```
//!
//! If one message is made of many jobs, publish it inside a [`Join`](crate::producer::Join) of their contexts:
//! `Join::of_contexts(jobs.iter().map(Job::context))`. For a span of your own, [`Job::link`] gives the links.
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
//! - A future or a closure holds the span of its context, so that it can add to it. A span that no code
//!   ends by name, as in `Tracer::in_span`, ends when the last of them is dropped. The message's span
//!   ends with its handler. A [`Job`] does not hold a span.
//! - If tracing-opentelemetry's layer does not activate contexts, the work holds the current span of
//!   `tracing`. A span inside the handler then ends when the last work that it gave away is done. The
//!   message's own span ends with its handler.
//! - Such a layer takes the entered span as the parent first. If only OpenTelemetry knows the context of
//!   the work, as in a job of [`Job::with_context`], this crate hides the worker's entered spans from
//!   `tracing` while the work runs. Log lines of the work do not show them.
//! - If you attach a context by hand under such a layer, as for parallel iterators and with
//!   [`attach_context`](crate::attach_context), spans of `tracing` are children of the span that the
//!   worker has entered. The same happens if the layer is inside a `reload::Layer`. OpenTelemetry's own
//!   spans and published messages use the attached context.
//! - If a closure or a job is dropped before it runs, its context is not current while what it owns is
//!   dropped.

pub(crate) mod closure;
pub(crate) mod future;
pub(crate) mod job;

pub use crate::operation::future::InContext;
pub use closure::closure_in_context;
pub use future::future_in_context;
pub use job::Job;
