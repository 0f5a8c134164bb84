//! The future of a handler whose delivery is settled by its outcome.

use super::Settle;
use super::guard::Guard;
use super::once::Settled;
use crate::operation::failure::Failure;
use crate::operation::future::{Handling, InContext, polled_again};
use crate::operation::on_error::OnError;
use crate::operation::span::MessageSpan;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Gives the message of each error back to the broker.
pub type Returned<C, S, E> = fn(&E) -> <S as Settle<C>>::Settlement;

pin_project! {
    /// The future of a handler whose delivery is settled by its outcome.
    /// [`with_settlement`](crate::with_settlement) makes it.
    ///
    /// # Panics
    ///
    /// If it is polled again after it was ready, as the future of an `async fn`.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Settling<W, O, K, C: 'static, S: Settle<C>> {
        // In this order. A settlement that is dropped under way is tried again when the span ends.
        settled: Option<Settled<C, S>>,
        #[pin]
        handling: W,
        guard: Guard<C, S>,
        choose: Option<K>,
        output: Option<O>,
    }
}

impl<C: 'static, S: Settle<C>> Guard<C, S> {
    /// Handles the message of this delivery with its span.
    pub(super) fn handle<'a, M, H, F, T, E>(
        self,
        span: MessageSpan,
        message: &'a M,
        handler: H,
    ) -> Settling<InContext<F>, Result<T, E>, Returned<C, S, E>, C, S>
    where
        M: ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let span = span.with_left_open(self.left_open());
        Settling::returned(span.try_handle(message, handler), self)
    }

    pub(super) fn handle_with<'a, M, H, F, T, E, J>(
        self,
        span: MessageSpan,
        message: &'a M,
        handler: H,
        failure_of: J,
    ) -> Settling<
        InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<'a, C, S, M, H, F, T, E, J>>,
        Result<T, E>,
        Returned<C, S, E>,
        C,
        S,
    >
    where
        M: ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&E) -> Option<Failure>,
    {
        let span = span.with_left_open(self.left_open());
        Settling::returned(span.try_handle_with(message, handler, failure_of), self)
    }
}

impl<W, T, E, C: 'static, S> Settling<W, Result<T, E>, Returned<C, S, E>, C, S>
where
    W: Handling<Output = Result<T, E>>,
    S: Settle<C>,
{
    fn returned(handling: W, guard: Guard<C, S>) -> Self {
        Self {
            settled: None,
            handling,
            guard,
            choose: Some(|_| S::returned()),
            output: None,
        }
    }

    /// Settles the message so if the handler returns an error.
    ///
    /// ```
    /// # use otel_messaging::consumer::{Settle, Unsettled};
    /// # use otel_messaging::with_settlement;
    /// # async fn handle<M>(_message: &M) -> std::io::Result<()> { Ok(()) }
    /// # async fn consume<C: 'static, M: Unsettled<C>>(
    /// #     message: M,
    /// #     reject: <M::Settler as Settle<C>>::Settlement,
    /// # ) -> Result<(), <M::Settler as Settle<C>>::Error> {
    /// // `Settlement::Reject` of the adapter for lapin, `Settlement::Term` of the one for async-nats
    /// let _result = with_settlement(&message, handle).or(reject).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn or(
        self,
        settlement: S::Settlement,
    ) -> Settling<W, Result<T, E>, impl FnOnce(&E) -> S::Settlement + use<W, T, E, C, S>, C, S>
    {
        self.or_else(move |_| settlement)
    }

    /// Settles the message as `choose` says if the handler returns an error. `choose` is called with the
    /// error, while the message's context is current. If it panics, the message goes back to the broker.
    pub fn or_else<K>(self, choose: K) -> Settling<W, Result<T, E>, K, C, S>
    where
        K: FnOnce(&E) -> S::Settlement,
    {
        Settling {
            settled: None,
            handling: self.handling,
            guard: self.guard,
            choose: Some(choose),
            output: None,
        }
    }
}

impl<F, J, T, E, C: 'static, S> Settling<InContext<F, J>, Result<T, E>, Returned<C, S, E>, C, S>
where
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&MessageSpan, &Result<T, E>),
    S: Settle<C>,
{
    /// Runs `hook` if the handler returns an error, as [`InContext::on_error`] does, and settles the message
    /// by the hook's outcome. If the hook puts the message aside and returns `Ok`, the message is
    /// acknowledged. If the hook returns an error, the message goes back to the broker, or as
    /// [`or`](Self::or) and [`or_else`](Self::or_else) say, which come after it.
    ///
    /// ```
    /// # use otel_messaging::consumer::{Settle, Unsettled};
    /// # use otel_messaging::with_settlement;
    /// # async fn handle<M>(_message: &M) -> std::io::Result<()> { Ok(()) }
    /// # async fn put_aside<M>(_message: &M, _error: std::io::Error) -> std::io::Result<()> { Ok(()) }
    /// # async fn consume<C: 'static, M: Unsettled<C>>(
    /// #     message: M,
    /// # ) -> Result<(), <M::Settler as Settle<C>>::Error> {
    /// let _result = with_settlement(&message, handle)
    ///     .on_error(|error| put_aside(&message, error)) // and waits until the broker has the letter
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_error<H, R, E2>(
        self,
        hook: H,
    ) -> Settling<OnError<F, J, H, R>, Result<T, E2>, Returned<C, S, E2>, C, S>
    where
        H: FnOnce(E) -> R,
        R: Future<Output = Result<T, E2>>,
    {
        Settling::returned(self.handling.on_error(hook), self.guard)
    }
}

impl<W, K, T, E, C: 'static, S> Future for Settling<W, Result<T, E>, K, C, S>
where
    W: Handling<Output = Result<T, E>>,
    K: FnOnce(&E) -> S::Settlement,
    S: Settle<C>,
{
    type Output = Result<Result<T, E>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.settled.is_none() {
            let output = ready!(this.handling.as_mut().poll_open(cx));
            let span = this.handling.as_mut().open_span();
            let choose = this.choose.take();
            let settlement = span.work(|_| match (&output, choose) {
                (Ok(_), _) => S::handled(),
                (Err(error), Some(choose)) => choose(error),
                (Err(_), None) => S::returned(),
            });
            let context = span.context().clone();
            *this.output = Some(output);
            *this.settled = Some(this.guard.settle_in(context, settlement));
        }
        let Some(settled) = this.settled else {
            polled_again();
        };
        let result = ready!(Pin::new(settled).poll(cx));
        this.handling.open_span().end();
        let Some(output) = this.output.take() else {
            polled_again();
        };
        Poll::Ready(result.map(|()| output))
    }
}

impl<W, O, K, C: 'static, S: Settle<C>> fmt::Debug for Settling<W, O, K, C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settling")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}
