//! A future that takes its context along.

use crate::background::captured::Captured;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Takes the [current context](crate::current_context) along with a future that something else is
/// going to run: `tokio::spawn`, a `JoinSet`, another runtime.
///
/// The context is that of the call. It is current whenever the future runs and while it is dropped,
/// finished or not; between, the thread has its own. No span is started. The message's ends with its
/// handler, which may be long before the future does; another one that nobody ends waits for it (see
/// [limits](crate::background#limits)). A panic passes through.
///
/// In programs with `tracing`, `.in_current_span()` carries the context too where
/// tracing-opentelemetry's layer activates contexts, as it does by default. Where it does not, only
/// spans of `tracing` and published messages join it; see [tasks](crate::background#tasks).
///
/// ```
/// use otel_messaging::future_in_context;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # async fn print_label(_order: u32) {}
/// // In a handler: the label is printed later, in the message's trace.
/// let printing = tokio::spawn(future_in_context(print_label(7)));
/// # printing.await.unwrap();
/// # }
/// ```
pub fn future_in_context<F: Future>(future: F) -> InContext<F> {
    InContext::new(Captured::current(), future)
}

pin_project! {
    /// A future with a context that is current at every poll and while it is dropped; made by
    /// [`future_in_context`] and [`Job::run`](crate::Job::run).
    ///
    /// # Panics
    ///
    /// Polled again once it was ready, it panics, as the future of an `async fn` does.
    #[must_use = "futures do nothing unless awaited"]
    pub struct InContext<F> {
        // Optional so that it can be dropped with the context attached.
        #[pin]
        future: Option<F>,
        captured: Captured,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                this.captured.attached(|| this.future.set(None));
            }
        }
    }
}

impl<F: Future> InContext<F> {
    pub(crate) fn new(captured: Captured, future: F) -> Self {
        Self {
            future: Some(future),
            captured,
        }
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        this.captured.attached(|| {
            let Some(future) = this.future.as_mut().as_pin_mut() else {
                polled_again();
            };
            let output = ready!(future.poll(cx));
            this.future.set(None);
            Poll::Ready(output)
        })
    }
}

#[cold]
#[inline(never)]
fn polled_again() -> ! {
    panic!("`InContext` polled after completion")
}

impl<F> fmt::Debug for InContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InContext")
            .field("context", &self.captured)
            .finish_non_exhaustive()
    }
}
