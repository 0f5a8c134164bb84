//! The future of a handler, with the message's context current in it.

use crate::consumer::Processing;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of a handler: its message's context is current at every poll and while it is
    /// dropped, and the span of the handling ends with it. It must not be polled again once it
    /// was ready: it would be pending for ever.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Handling<F: Future> {
        // Optional so that it can be dropped before the span is ended, with the context attached:
        // destructors of a cancelled handler belong to its message.
        #[pin]
        future: Option<F>,
        processing: Processing,
        judge: fn(&Processing, &F::Output),
    }

    impl<F: Future> PinnedDrop for Handling<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.processing.attached(|| this.future.set(None));
        }
    }
}

impl<F: Future> Handling<F> {
    pub(crate) fn new(
        processing: Processing,
        future: F,
        judge: fn(&Processing, &F::Output),
    ) -> Self {
        Self {
            future: Some(future),
            processing,
            judge,
        }
    }
}

impl<F: Future> Future for Handling<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let output = ready!(this.processing.handle(|| {
            let Some(future) = this.future.as_mut().as_pin_mut() else {
                return Poll::Pending;
            };
            let output = ready!(future.poll(cx));
            this.future.set(None);
            Poll::Ready(output)
        }));
        (this.judge)(this.processing, &output);
        this.processing.end();
        Poll::Ready(output)
    }
}

impl<F: Future> fmt::Debug for Handling<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handling")
            .field("processing", &self.processing)
            .finish_non_exhaustive()
    }
}
