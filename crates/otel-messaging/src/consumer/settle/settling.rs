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

/// The future of one delivery whose message goes back if the handler fails. `W` handles it.
pub type SettlingOne<W, T, E, C, S> = Settling<W, Result<T, E>, Returned<C, S, E>, Guard<C, S>>;

/// One delivery, or all of a batch, to be settled by the outcome of their handler.
pub trait Outstanding {
    /// The ways to settle them.
    type Settlement;
    /// The client's error.
    type Error;
    /// The future of their settlement.
    type Settled: Future<Output = Result<(), Self::Error>> + Unpin;

    /// How they are settled if they were handled.
    fn handled() -> Self::Settlement;

    /// How they go back to the broker.
    fn returned() -> Self::Settlement;

    /// Whether they are settled with it.
    fn is_final(settlement: &Self::Settlement) -> bool;

    /// Settles them, with a span in this context.
    fn settle_in(
        &self,
        context: opentelemetry::Context,
        settlement: Self::Settlement,
    ) -> Self::Settled;
}

impl<C: 'static, S: Settle<C>> Outstanding for Guard<C, S> {
    type Settlement = S::Settlement;
    type Error = S::Error;
    type Settled = Settled<C, S>;

    fn handled() -> S::Settlement {
        S::handled()
    }

    fn returned() -> S::Settlement {
        S::returned()
    }

    fn is_final(settlement: &S::Settlement) -> bool {
        S::is_final(settlement)
    }

    fn settle_in(
        &self,
        context: opentelemetry::Context,
        settlement: S::Settlement,
    ) -> Settled<C, S> {
        Settled::new(self.clone(), context, settlement)
    }
}

pin_project! {
    /// The future of a handler whose delivery is settled by its outcome.
    /// [`with_settlement`](crate::with_settlement) makes it.
    ///
    /// # Panics
    ///
    /// If it is polled again after it was ready, as the future of an `async fn`.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Settling<W, O, K, G: Outstanding> {
        // In this order. A settlement that is dropped under way is tried again when the span ends.
        settled: Option<G::Settled>,
        #[pin]
        handling: W,
        outstanding: G,
        // Until the handler is done.
        choose: Option<K>,
        handled: Option<G::Settlement>,
        output: Option<O>,
    }
}

impl<C: 'static, S: Settle<C>> Guard<C, S> {
    /// Handles the message of this delivery with its span.
    pub(super) fn handle<M, H, F, T, E>(
        &self,
        span: MessageSpan,
        message: M,
        handler: H,
    ) -> SettlingOne<InContext<F>, T, E, C, S>
    where
        H: FnOnce(M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let span = span.with_left_open(self.delivery.clone());
        Settling::returned(span.try_handle(message, handler), self.clone())
    }

    #[expect(clippy::type_complexity, reason = "an alias cannot name a closure")]
    pub(super) fn handle_with<M, H, F, T, E, J>(
        &self,
        span: MessageSpan,
        message: M,
        handler: H,
        failure_of: J,
    ) -> SettlingOne<
        InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<C, S, M, H, F, T, E, J>>,
        T,
        E,
        C,
        S,
    >
    where
        H: FnOnce(M) -> F,
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&E) -> Option<Failure>,
    {
        let span = span.with_left_open(self.delivery.clone());
        Settling::returned(
            span.try_handle_with(message, handler, failure_of),
            self.clone(),
        )
    }
}

impl<W, T, E, G> Settling<W, Result<T, E>, fn(&E) -> G::Settlement, G>
where
    W: Handling<Output = Result<T, E>>,
    G: Outstanding,
{
    pub(super) fn returned(handling: W, outstanding: G) -> Self {
        Self {
            settled: None,
            handling,
            outstanding,
            choose: Some(|_| G::returned()),
            handled: None,
            output: None,
        }
    }

    /// Settles the message so if the handler returns an error. A settlement that settles nothing, such as
    /// JetStream's `Progress`, is not used: the message goes back.
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
        settlement: G::Settlement,
    ) -> Settling<W, Result<T, E>, impl FnOnce(&E) -> G::Settlement + use<W, T, E, G>, G> {
        self.or_else(move |_| settlement)
    }

    /// Settles the message as `choose` says if the handler returns an error. `choose` is called with the
    /// error, while the message's context is current. If it panics, the message goes back to the broker.
    pub fn or_else<K>(self, choose: K) -> Settling<W, Result<T, E>, K, G>
    where
        K: FnOnce(&E) -> G::Settlement,
    {
        Settling {
            settled: None,
            handling: self.handling,
            outstanding: self.outstanding,
            choose: Some(choose),
            handled: self.handled,
            output: None,
        }
    }
}

impl<F, J, T, E, G> Settling<InContext<F, J>, Result<T, E>, fn(&E) -> G::Settlement, G>
where
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&MessageSpan, &Result<T, E>),
    G: Outstanding,
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
    ///     .on_error(|error| put_aside(&message, error)) // it has to wait until the broker has the letter
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::type_complexity, reason = "an alias of it would say no more")]
    pub fn on_error<H, R, E2>(
        self,
        hook: H,
    ) -> Settling<OnError<F, J, H, R>, Result<T, E2>, fn(&E2) -> G::Settlement, G>
    where
        H: FnOnce(E) -> R,
        R: Future<Output = Result<T, E2>>,
    {
        Settling {
            handled: self.handled,
            ..Settling::returned(self.handling.on_error(hook), self.outstanding)
        }
    }
}

impl<W, O, K, G: Outstanding> Settling<W, O, K, G> {
    /// Settles the message so if the handler, or its [`on_error`](Self::on_error) hook, returns `Ok`, such as
    /// by a `Settlement::DoubleAck` of the adapter for async-nats. A settlement that settles nothing, such as
    /// `Progress`, is not used.
    pub fn and(mut self, settlement: G::Settlement) -> Self {
        self.handled = Some(settlement);
        self
    }
}

impl<W, K, T, E, G> Future for Settling<W, Result<T, E>, K, G>
where
    W: Handling<Output = Result<T, E>>,
    K: FnOnce(&E) -> G::Settlement,
    G: Outstanding,
{
    type Output = Result<Result<T, E>, G::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.settled.is_none() {
            let output = ready!(this.handling.as_mut().poll_open(cx));
            let span = this.handling.as_mut().open_span();
            let (handled, choose) = (this.handled.take(), this.choose.take());
            // A sign of life settles nothing.
            let settles = |settlement: &G::Settlement| G::is_final(settlement);
            let settlement = span.work(|_| match (&output, choose) {
                (Ok(_), _) => handled.filter(settles).unwrap_or_else(G::handled),
                (Err(error), Some(choose)) => {
                    let chosen = Some(choose(error)).filter(settles);
                    chosen.unwrap_or_else(G::returned)
                }
                (Err(_), None) => G::returned(),
            });
            let context = span.context().clone();
            *this.output = Some(output);
            *this.settled = Some(this.outstanding.settle_in(context, settlement));
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

impl<W, O, K, G: Outstanding> fmt::Debug for Settling<W, O, K, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settling").finish_non_exhaustive()
    }
}
