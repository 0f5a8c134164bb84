//! Workers behind a bounded channel: what a handler hands over is done by whichever of them is free,
//! in the trace of the handler's message.

use futures_util::FutureExt;
use otel_messaging::Job;
use std::any::Any;
use std::fmt;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

#[cfg(test)]
mod tests;

/// A pool for jobs that take a `T` and give an `R`. Dropped, it takes no more jobs either, and its
/// workers still do those that they have.
pub struct Pool<T, R> {
    jobs: mpsc::Sender<Handed<T, R>>,
    workers: Vec<JoinHandle<()>>,
}

/// A job, and where its result is waited for.
struct Handed<T, R> {
    job: Job<T>,
    done: oneshot::Sender<Result<R, Failure>>,
}

impl<T: Send + 'static, R: Send + 'static> Pool<T, R> {
    /// Starts the workers, as tasks of tokio. At most `waiting` jobs wait for one; `work` gets the
    /// number of its worker, from 1, beside what is to be done.
    pub fn start<W, F>(workers: NonZeroUsize, waiting: NonZeroUsize, work: W) -> Self
    where
        W: Fn(usize, T) -> F + Send + Sync + 'static,
        F: Future<Output = R> + Send + 'static,
    {
        let (jobs, queue) = mpsc::channel(waiting.get());
        let (queue, work) = (Arc::new(Mutex::new(queue)), Arc::new(work));
        let worker = |number| {
            let (queue, work) = (Arc::clone(&queue), Arc::clone(&work));
            tokio::spawn(work_off(queue, move |payload| work(number, payload)))
        };
        Self {
            jobs,
            workers: (1..=workers.get()).map(worker).collect(),
        }
    }

    /// Hands over a job of the context that is current at the call.
    ///
    /// The future waits while as many jobs wait as may. A consumer that awaits it takes no further
    /// message in that time. The workers take jobs in the order in which they were handed over.
    pub fn submit(&self, payload: T) -> impl Future<Output = Receipt<R>> {
        let (done, outcome) = oneshot::channel();
        // Not in the future, which may be awaited elsewhere.
        let job = Job::new(payload);
        async move {
            // In vain, its receipt tells.
            let _ = self.jobs.send(Handed { job, done }).await;
            Receipt { outcome }
        }
    }

    /// Takes no more jobs, and returns when all that were taken are done.
    pub async fn finish(self) {
        let Self { jobs, workers } = self;
        drop(jobs);
        for worker in workers {
            // It ended with its runtime, and the receipts tell.
            let _ = worker.await;
        }
    }
}

async fn work_off<T, R, F: Future<Output = R>>(
    queue: Arc<Mutex<mpsc::Receiver<Handed<T, R>>>>,
    work: impl Fn(T) -> F,
) {
    loop {
        // One worker waits for a job, the others for their turn to wait.
        let handed = queue.lock().await.recv().await;
        let Some(Handed { job, done }) = handed else {
            return;
        };
        // `work` itself may panic too, not only the future that it makes.
        let working = async { job.run(&work).await };
        // As in a task: what a panic leaves behind is dropped, but for what `work` shares.
        let outcome = AssertUnwindSafe(working).catch_unwind().await;
        // Nobody may be waiting for it any more.
        let _ = done.send(outcome.map_err(Failure::of_panic));
    }
}

/// What a job's result is waited for with. Dropped, the job is done all the same.
#[must_use = "only the receipt tells whether the job was done"]
#[derive(Debug)]
pub struct Receipt<R> {
    outcome: oneshot::Receiver<Result<R, Failure>>,
}

impl<R> Receipt<R> {
    /// The result, when the job is done.
    ///
    /// # Errors
    ///
    /// When the job panicked, or its worker ended with the runtime.
    pub async fn result(self) -> Result<R, Failure> {
        self.outcome.await.unwrap_or(Err(Failure::Lost))
    }
}

/// Why a job has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It panicked, with this message. Its worker goes on.
    Panicked(String),
    /// Its worker ended with the runtime.
    Lost,
}

impl Failure {
    fn of_panic(panic: Box<dyn Any + Send>) -> Self {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Self::Panicked(text.unwrap_or_default())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(message) => write!(f, "the job panicked: {message}"),
            Self::Lost => f.write_str("the job's worker ended with the runtime"),
        }
    }
}

impl std::error::Error for Failure {}
