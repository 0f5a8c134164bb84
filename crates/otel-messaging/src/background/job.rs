//! What a handler gives to workers, with the context that it belongs to.

use crate::context::current::Current;
use crate::operation::future::InContext;
use crate::operation::span::MessageSpan;
use opentelemetry::Context;
use opentelemetry::trace::{Link, TraceContextExt};

/// A piece of work with its context, for channels to worker pools and for streams, where one worker
/// handles jobs of many traces.
///
/// A job stays in the process. For another process or a table, use an [`Envelope`](crate::Envelope) or a
/// [`ContextCarrier`](crate::ContextCarrier).
///
/// A job starts no span and keeps none open: it holds only the ids of the span in which it was made. So
/// that span ends when its own work is done, and the worker cannot add to it. The worker may start a span
/// for each job. Everything that it starts or publishes inside [`run`](Self::run), [`call`](Self::call)
/// and [`map`](Self::map) is in the trace of the handler that made the job.
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
    /// Makes a job with the [current context](crate::current_context).
    #[must_use]
    pub fn new(payload: T) -> Self {
        Self {
            payload,
            captured: Current::here().without_span(),
        }
    }

    /// Makes a job with the given context, such as
    /// [`MessageSpan::context`](crate::consumer::MessageSpan::context).
    #[must_use]
    pub fn with_context(payload: T, context: Context) -> Self {
        Self {
            payload,
            captured: Current::from(context).without_span(),
        }
    }

    /// The payload.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// The job's context, with the ids of the span in which it was made.
    pub fn context(&self) -> &Context {
        self.captured.context()
    }

    /// A link to the span in which the job was made, if there was one. Use it for a span that joins many
    /// jobs, such as the span of one message that is made of many. By default OpenTelemetry's SDK keeps
    /// 128 links per span (`with_max_links_per_span`).
    pub fn link(&self) -> Option<Link> {
        let span = self.context().span().span_context().clone();
        span.is_valid().then(|| Link::with_context(span))
    }

    /// Calls `work` with the payload, and runs the future that it returns. The job's context is current
    /// at the call, at every poll and while the future is dropped. A panic in `work` itself comes from
    /// this call, not from the future.
    pub fn run<F: Future>(self, work: impl FnOnce(T) -> F) -> InContext<F> {
        let Self { payload, captured } = self;
        let future = captured.attached(|| work(payload));
        InContext::unjudged(MessageSpan::without(captured), future)
    }

    /// Calls `work` with the payload, with the job's context current. A panic passes through, and the
    /// thread's own context is then current again.
    pub fn call<U>(self, work: impl FnOnce(T) -> U) -> U {
        let Self { payload, captured } = self;
        captured.attached(|| work(payload))
    }

    /// Makes the job of the next stage: calls `work` as [`call`](Self::call) does, and keeps the context
    /// with the result.
    #[must_use]
    pub fn map<U>(self, work: impl FnOnce(T) -> U) -> Job<U> {
        let Self { payload, captured } = self;
        let payload = captured.attached(|| work(payload));
        Job { payload, captured }
    }

    /// Gives the payload without the context.
    pub fn into_payload(self) -> T {
        self.payload
    }
}
