//! What a handler gives to workers, with the context that it belongs to.

use crate::context::current::Current;
use crate::operation::future::InContext;
use crate::operation::span::MessageSpan;
use opentelemetry::Context;
use opentelemetry::trace::{Link, TraceContextExt};

/// A piece of work with the context that it belongs to: for channels to worker pools, and for
/// streams, where jobs of many traces go through the same hands.
///
/// It stays within the process. What goes to another one, or into a table, takes an
/// [`Envelope`](crate::Envelope) or a [`ContextCarrier`](crate::ContextCarrier).
///
/// No span is started, and none is kept open: of the span in which the job was made only the ids go
/// along, so that it ends when its own work is done, and the worker cannot add to it. The worker starts one for each job if it wants to, and whatever it starts or
/// publishes inside [`run`](Self::run), [`call`](Self::call) and [`map`](Self::map) is in the trace of
/// the handler that made the job, whichever worker that is and whatever span surrounds its loop.
///
/// ```
/// use otel_messaging::Job;
/// use tokio::sync::mpsc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # async fn print_label(_order: u32) {}
/// let (jobs, mut queue) = mpsc::channel(8);
/// let worker = tokio::spawn(async move {
///     while let Some(job) = queue.recv().await {
///         let job: Job<u32> = job;
///         job.run(print_label).await;
///     }
/// });
///
/// // In a handler; it waits while the workers are busy.
/// jobs.send(Job::new(7)).await.unwrap();
/// # drop(jobs);
/// # worker.await.unwrap();
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Job<T> {
    payload: T,
    captured: Current,
}

impl<T> Job<T> {
    /// A job of the [current context](crate::current_context).
    #[must_use]
    pub fn new(payload: T) -> Self {
        Self {
            payload,
            captured: Current::here().without_span(),
        }
    }

    /// A job of a given context, such as [`MessageSpan::context`](crate::consumer::MessageSpan::context).
    #[must_use]
    pub fn with_context(payload: T, context: Context) -> Self {
        Self {
            payload,
            captured: Current::from(context).without_span(),
        }
    }

    /// What is to be worked on.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// The context that the job belongs to, with the ids of the span in which it was made.
    pub fn context(&self) -> &Context {
        self.captured.context()
    }

    /// A link to the span in which the job was made, if there was one: for a span that joins many
    /// jobs, such as that of one message made of many. OpenTelemetry's SDK keeps 128 links of a span
    /// unless its provider is built `with_max_links_per_span`.
    pub fn link(&self) -> Option<Link> {
        let span = self.context().span().span_context().clone();
        span.is_valid().then(|| Link::with_context(span))
    }

    /// Runs the future that `work` makes of the payload with the job's context current: at the call,
    /// at every poll and while it is dropped. `work` is called at once; a panic in it comes from this
    /// call, and not from the future.
    pub fn run<F: Future>(self, work: impl FnOnce(T) -> F) -> InContext<F> {
        let Self { payload, captured } = self;
        let future = captured.attached(|| work(payload));
        InContext::unjudged(MessageSpan::without(captured), future)
    }

    /// Calls `work` with the payload and the job's context current. A panic passes through; the
    /// thread then has its own context again.
    pub fn call<U>(self, work: impl FnOnce(T) -> U) -> U {
        let Self { payload, captured } = self;
        captured.attached(|| work(payload))
    }

    /// The next stage's job: calls `work` as [`call`](Self::call) does and keeps the context with what
    /// it returns.
    #[must_use]
    pub fn map<U>(self, work: impl FnOnce(T) -> U) -> Job<U> {
        let Self { payload, captured } = self;
        let payload = captured.attached(|| work(payload));
        Job { payload, captured }
    }

    /// The payload alone.
    pub fn into_payload(self) -> T {
        self.payload
    }
}
