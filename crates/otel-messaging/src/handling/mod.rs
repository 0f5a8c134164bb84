//! The future of a handler, with the message's context current in it.

mod on_error;

pub use on_error::OnError;

use crate::consumer::Processing;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of a handler: its message's context is current at every poll and while it is
    /// dropped, and the span of the handling ends with it.
    ///
    /// `J` decides what marks the span; it has no name where the application decides
    /// ([`try_with_message_context_with`](crate::try_with_message_context_with)).
    ///
    /// # Panics
    ///
    /// Polled again once it was ready, it panics, as the future of an `async fn` does.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Handling<F: Future, J = fn(&Processing, &<F as Future>::Output)> {
        // Optional so that it can be dropped before the span is ended, with the context attached:
        // destructors of a cancelled handler belong to its message.
        #[pin]
        future: Option<F>,
        processing: Processing,
        judge: Option<J>,
    }

    impl<F: Future, J> PinnedDrop for Handling<F, J> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                this.processing.attached(|| this.future.set(None));
            }
        }
    }
}

impl<F: Future, J> Handling<F, J> {
    pub(crate) fn new(processing: Processing, future: F, judge: J) -> Self {
        Self {
            future: Some(future),
            processing,
            judge: Some(judge),
        }
    }
}

/// Polls the handler, and judges what it returns. The context has to be current.
fn poll_handler<F, J>(
    mut future: Pin<&mut Option<F>>,
    judge: &mut Option<J>,
    processing: &Processing,
    cx: &mut Context<'_>,
) -> Poll<F::Output>
where
    F: Future,
    J: FnOnce(&Processing, &F::Output),
{
    let Some(handler) = future.as_mut().as_pin_mut() else {
        polled_again();
    };
    let output = ready!(handler.poll(cx));
    future.set(None);
    if let Some(judge) = judge.take() {
        judge(processing, &output);
    }
    Poll::Ready(output)
}

#[cold]
#[inline(never)]
fn polled_again() -> ! {
    panic!("`Handling` polled after completion")
}

impl<F: Future, J: FnOnce(&Processing, &F::Output)> Future for Handling<F, J> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let (future, judge) = (this.future, this.judge);
        let output = ready!(
            this.processing
                .handle(|processing| poll_handler(future, judge, processing, cx))
        );
        this.processing.end();
        Poll::Ready(output)
    }
}

impl<F: Future, J> fmt::Debug for Handling<F, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handling")
            .field("processing", &self.processing)
            .finish_non_exhaustive()
    }
}
