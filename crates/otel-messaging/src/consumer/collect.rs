//! Collecting the messages of a batch from a client's stream.

use futures_core::Stream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Why [`collect`] is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "after `End` the stream gives nothing more"]
pub enum Collected {
    /// The batch has as many messages as were asked for.
    Full,
    /// The time is over. The batch may be empty.
    Late,
    /// The stream has ended. The batch may have messages.
    End,
}

/// Collects messages of a client's `stream` into `batch`, until it has `most` messages or `time` is over.
///
/// `time` is any future, such as tokio's `sleep(Duration::from_millis(50))`, so that this works in every
/// runtime. Messages that are there already are taken, also if the time is over. A stream is what lapin's
/// `Consumer`, rdkafka's `StreamConsumer::stream()` and JetStream's `messages()`, `fetch()` and `batch()`
/// are: one of `Result`s. Of a stream of messages, such as a core NATS `Subscriber`, make one with
/// `.map(Ok::<_, Infallible>)`.
///
/// **Nothing is lost if you drop the future**, as `select!` does: the messages are in `batch`. The next call
/// adds to them, and `most` counts them too. So empty `batch` when you have handled it.
///
/// It makes no span. [`Consumer::receive`](crate::consumer::Consumer::receive) makes the spans of polls.
///
/// ```
/// use otel_messaging::consumer::{Collected, collect};
/// use otel_messaging::{Received, with_batch_context};
/// # use futures_util::stream::Stream;
/// use std::time::Duration;
/// use tokio::time::sleep;
///
/// # async fn handle<M>(_message: &M) {}
/// # async fn consume<C, M: Received<C>, E>(
/// #     mut stream: impl Stream<Item = Result<M, E>> + Unpin,
/// # ) -> Result<(), E> {
/// let mut messages = Vec::new();
/// loop {
///     let time = sleep(Duration::from_millis(50));
///     let collected = collect(&mut messages, &mut stream, 100, time).await;
///     with_batch_context(&messages, async |batch| {
///         for message in batch {
///             message.run(handle).await;
///         }
///     })
///     .await;
///     messages.clear();
///     if collected? == Collected::End { // an error, after the messages that came before it
///         return Ok(());
///     }
/// }
/// # }
/// ```
///
/// # Errors
///
/// The stream's error, unchanged. `batch` has the messages that came before it; handle them first. Whether
/// the stream goes on after an error is the client's matter.
pub fn collect<'a, M, E, S, T>(
    batch: &'a mut Vec<M>,
    stream: &'a mut S,
    most: usize,
    time: T,
) -> Collect<'a, M, S, T>
where
    S: Stream<Item = Result<M, E>> + Unpin,
    T: Future,
{
    Collect {
        batch,
        stream,
        most,
        time,
    }
}

pin_project! {
    /// The future that [`collect`] returns.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Collect<'a, M, S, T> {
        batch: &'a mut Vec<M>,
        stream: &'a mut S,
        most: usize,
        #[pin]
        time: T,
    }
}

impl<M, E, S, T> Future for Collect<'_, M, S, T>
where
    S: Stream<Item = Result<M, E>> + Unpin,
    T: Future,
{
    type Output = Result<Collected, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        while this.batch.len() < *this.most {
            match Pin::new(&mut **this.stream).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => this.batch.push(message),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(Collected::End)),
                Poll::Pending => return this.time.poll(cx).map(|_| Ok(Collected::Late)),
            }
        }
        Poll::Ready(Ok(Collected::Full))
    }
}

impl<M, S, T> fmt::Debug for Collect<'_, M, S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collect")
            .field("collected", &self.batch.len())
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}
