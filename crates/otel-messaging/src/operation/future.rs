//! The future of work that belongs to a message, with the message's context current in it.

use crate::operation::span::MessageSpan;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A future whose context is current at every poll and while it is dropped.
    ///
    /// [`with_message_context`](crate::with_message_context) and its siblings return it: it ends the
    /// message's span when the handler is done. [`future_in_context`](crate::future_in_context) and
    /// [`Job::run`](crate::Job::run) return it for background work, without a span.
    ///
    /// `J` is the type of the closure that marks the span with the result.
    ///
    /// # Panics
    ///
    /// If it is polled again after it was ready, as the future of an `async fn`.
    #[must_use = "futures do nothing unless awaited"]
    pub struct InContext<F: Future, J = fn(&MessageSpan, &<F as Future>::Output)> {
        // Optional so that it can be dropped before the span is ended, with the context attached:
        // destructors of a cancelled handler belong to its message.
        #[pin]
        pub(crate) future: Option<F>,
        pub(crate) span: MessageSpan,
        pub(crate) judge: Option<J>,
    }

    impl<F: Future, J> PinnedDrop for InContext<F, J> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                this.span.current().attached(|| this.future.set(None));
            }
        }
    }
}

impl<F: Future> InContext<F> {
    /// Does not mark the span with the future's result.
    pub(crate) fn unjudged(span: MessageSpan, future: F) -> Self {
        Self::new(span, future, |_, _| {})
    }
}

impl<F: Future, J> InContext<F, J> {
    pub(crate) fn new(span: MessageSpan, future: F, judge: J) -> Self {
        Self {
            future: Some(future),
            span,
            judge: Some(judge),
        }
    }
}

/// Polls the work, and judges what it returns. The context has to be current.
pub(crate) fn poll_work<F, J>(
    mut future: Pin<&mut Option<F>>,
    judge: &mut Option<J>,
    span: &MessageSpan,
    cx: &mut Context<'_>,
) -> Poll<F::Output>
where
    F: Future,
    J: FnOnce(&MessageSpan, &F::Output),
{
    let Some(work) = future.as_mut().as_pin_mut() else {
        polled_again();
    };
    let output = ready!(work.poll(cx));
    future.set(None);
    if let Some(judge) = judge.take() {
        judge(span, &output);
    }
    Poll::Ready(output)
}

#[cold]
#[inline(never)]
pub(crate) fn polled_again() -> ! {
    panic!("`InContext` polled after completion")
}

/// What the handling of a message gives. It has none of the bounds of [`Handling`]: with a field whose type
/// depends on them, rustc cannot see that a future is `Send` if the handler's error has a lifetime, as
/// `&'static str` has.
pub trait Handled {
    /// What the handling gives.
    type Output;
}

/// The handling of a message inside its span, which may stay open for what comes after it.
pub trait Handling: Handled {
    /// Polls it, and leaves the span open when it is done.
    fn poll_open(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output>;

    /// The span.
    fn open_span(self: Pin<&mut Self>) -> &mut MessageSpan;
}

impl<F: Future, J> Handled for InContext<F, J> {
    type Output = F::Output;
}

impl<F: Future, J: FnOnce(&MessageSpan, &F::Output)> Handling for InContext<F, J> {
    #[inline]
    fn poll_open(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let (future, judge) = (this.future, this.judge);
        this.span.work(|span| poll_work(future, judge, span, cx))
    }

    fn open_span(self: Pin<&mut Self>) -> &mut MessageSpan {
        self.project().span
    }
}

impl<F: Future, J: FnOnce(&MessageSpan, &F::Output)> Future for InContext<F, J> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let output = ready!(self.as_mut().poll_open(cx));
        self.open_span().end();
        Poll::Ready(output)
    }
}

impl MessageSpan {
    /// Does a piece of the work with the context current. A panic in it marks and ends the span, because
    /// a caller that catches it may keep the rest of the work for long.
    pub(crate) fn work<T>(&mut self, work: impl FnOnce(&Self) -> T) -> T {
        struct Unwinding<'a>(&'a mut MessageSpan);
        impl Drop for Unwinding<'_> {
            fn drop(&mut self) {
                self.0.panicked();
                self.0.end();
            }
        }
        let unwinding = Unwinding(self);
        let span = &*unwinding.0;
        let output = span.current().attached(|| work(span));
        std::mem::forget(unwinding);
        output
    }

    pub(crate) fn panicked(&self) {
        self.fail("panic", "the handler panicked");
    }
}

impl<F: Future, J> fmt::Debug for InContext<F, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InContext")
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}
