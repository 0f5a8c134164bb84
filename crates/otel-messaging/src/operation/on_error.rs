//! The hook for a handler's error, which runs while the message's span is open.

use crate::operation::future::{Handled, Handling, InContext, poll_work, polled_again};
use crate::operation::span::MessageSpan;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

impl<F, J, T, E> InContext<F, J>
where
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&MessageSpan, &Result<T, E>),
{
    /// Runs `hook` if the handler returns an error: to log it, to reject the message or to put it aside.
    /// This future then returns the hook's result: the same error, another one, or `Ok` if the hook has
    /// dealt with the error.
    ///
    /// The message's context is current in the hook. So the spans that the hook starts and the messages
    /// that it publishes are children of the message's span, which ends after the hook. The error marks
    /// the span before the hook runs. The hook's result does not mark it.
    ///
    /// The future is `Send` if the handler's and the hook's are. A panic of the hook passes through and
    /// marks the span, unless the error has marked it. If you drop the future while the hook runs, it
    /// drops the hook with the message's context current, and ends the span.
    ///
    /// ```
    /// # use otel_messaging::{Received, try_with_message_context};
    /// # use std::num::ParseIntError;
    /// # async fn handle<M>(_message: &M) -> Result<u64, ParseIntError> { "7".parse() }
    /// # async fn dead_letter<M>(_message: &M, _error: &ParseIntError) -> Result<(), String> { Ok(()) }
    /// # async fn consume<C, M: Received<C>>(message: M) -> Result<(), String> {
    /// let order = try_with_message_context(&message, handle)
    ///     .on_error(async |error| {
    ///         eprintln!("put aside: {error}"); // or `tracing::error!`: an event of the message's span
    ///         dead_letter(&message, &error).await?; // its span is a child of the message's
    ///         Err("no order".to_owned())
    ///     })
    ///     .await?;
    /// # let _ = order;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The hook's error.
    pub fn on_error<H, R, E2>(self, hook: H) -> OnError<F, J, H, R>
    where
        H: FnOnce(E) -> R,
        R: Future<Output = Result<T, E2>>,
    {
        OnError {
            handling: self,
            hook: Some(hook),
            reaction: None,
        }
    }
}

pin_project! {
    /// The future of a handler and its `on_error` hook. [`InContext::on_error`] makes it.
    ///
    /// # Panics
    ///
    /// If it is polled again after it was ready, as the future of an `async fn`.
    #[must_use = "futures do nothing unless awaited"]
    pub struct OnError<F: Future, J, H, R> {
        #[pin]
        handling: InContext<F, J>,
        // Until the handler is done.
        hook: Option<H>,
        // From the hook's call until it is done.
        #[pin]
        reaction: Option<R>,
    }

    impl<F: Future, J, H, R> PinnedDrop for OnError<F, J, H, R> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let mut handling = this.handling.project();
            if this.hook.is_some() || this.reaction.is_some() {
                handling.span.current().attached(|| {
                    handling.future.set(None);
                    this.reaction.set(None);
                    *this.hook = None;
                });
            }
        }
    }
}

impl<F: Future, J, H, R: Future> Handled for OnError<F, J, H, R> {
    type Output = R::Output;
}

impl<F, J, H, R, T, E, E2> Handling for OnError<F, J, H, R>
where
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&MessageSpan, &Result<T, E>),
    H: FnOnce(E) -> R,
    R: Future<Output = Result<T, E2>>,
{
    fn poll_open(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let handling = this.handling.project();
        let (future, judge) = (handling.future, handling.judge);
        handling.span.work(|span| {
            if this.hook.is_some() {
                let handled = ready!(poll_work(future, judge, span, cx));
                let hook = this.hook.take();
                match handled {
                    Ok(value) => return Poll::Ready(Ok(value)),
                    Err(error) => this.reaction.set(hook.map(|hook| hook(error))),
                }
            }
            let Some(reaction) = this.reaction.as_mut().as_pin_mut() else {
                polled_again();
            };
            let output = ready!(reaction.poll(cx));
            this.reaction.set(None);
            Poll::Ready(output)
        })
    }

    fn open_span(self: Pin<&mut Self>) -> &mut MessageSpan {
        self.project().handling.open_span()
    }
}

impl<F, J, H, R, T, E, E2> Future for OnError<F, J, H, R>
where
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&MessageSpan, &Result<T, E>),
    H: FnOnce(E) -> R,
    R: Future<Output = Result<T, E2>>,
{
    type Output = Result<T, E2>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let output = ready!(self.as_mut().poll_open(cx));
        self.open_span().end();
        Poll::Ready(output)
    }
}

impl<F: Future, J, H, R> fmt::Debug for OnError<F, J, H, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnError")
            .field("handling", &self.handling)
            .finish_non_exhaustive()
    }
}
