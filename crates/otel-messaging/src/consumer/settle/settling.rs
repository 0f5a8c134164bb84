//! The future of a handler whose delivery is settled by its outcome.

use super::guard::Guard;
use super::once::Settled;
use super::{Settle, Unsettled};
use crate::consumer::handle::Consumer;
use crate::instrumentation::settings::Instrumentation;
use crate::message::received::Received;
use crate::operation::failure::Failure;
use crate::operation::future::{Handled, Handling, InContext, polled_again};
use crate::operation::on_error::OnError;
use crate::operation::span::MessageSpan;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Handles `message` with its context current, as [`try_with_message_context`] does, and settles it by the
/// handler's outcome: a message that was handled is acknowledged.
///
/// | outcome | settlement |
/// | --- | --- |
/// | `Ok` | acknowledged |
/// | `Err` | back to the broker, or as [`or`](Settling::or) or [`or_else`](Settling::or_else) says |
/// | a panic; the future is dropped, as by `select!`, an abort, a shutdown | back to the broker |
/// | settled in the handler, by lapin's own method | stays so |
///
/// The adapters' READMEs say which calls of the client these are. The settlement has a span, such as
/// `ack orders`: a child of the message's span, which ends after it. If the future is dropped, the crate
/// asks the client once to take the message back, without waiting. So a message may be handled twice, and is
/// never lost. To settle by hand, use a [`Guard`] with [`try_with_message_context`] in place of this.
///
/// The error's text is exported, as by `try_with_message_context`. To decide what is exported, use
/// [`with_settlement_with`].
///
/// ```
/// # use otel_messaging::consumer::{Settle, Unsettled};
/// # use otel_messaging::with_settlement;
/// # use std::num::ParseIntError;
/// # async fn handle<M>(_message: &M) -> Result<u64, ParseIntError> { "7".parse() }
/// # async fn consume<C: 'static, M: Unsettled<C>>(
/// #     message: M,
/// # ) -> Result<(), <M::Settler as Settle<C>>::Error> {
/// if let Err(error) = with_settlement(&message, handle).await? {
///     eprintln!("the message went back to the broker: {error}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The client's error, if the settlement failed. The handler's result is inside: `Ok(Err(error))` says that
/// the handler failed and that its message was settled.
///
/// [`try_with_message_context`]: crate::try_with_message_context
pub fn with_settlement<'a, C, M, H, F, T, E>(
    message: &'a M,
    handler: H,
) -> Settling<InContext<F>, Returned<C, M::Settler, E>, C, M::Settler>
where
    C: 'static,
    M: Unsettled<C> + ?Sized,
    H: FnOnce(&'a M) -> F,
    F: Future<Output = Result<T, E>>,
    E: fmt::Display,
{
    let guard = super::guard::guard(message);
    guard.handle(Instrumentation::global().process(message), message, handler)
}

/// Handles `message` and settles it, as [`with_settlement`] does, and lets the application decide whether
/// and how an error marks the span, as
/// [`try_with_message_context_with`](crate::try_with_message_context_with) does.
///
/// # Errors
///
/// As [`with_settlement`].
pub fn with_settlement_with<'a, C, M, H, F, T, E, J>(
    message: &'a M,
    handler: H,
    failure_of: J,
) -> Settling<
    InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>)>,
    Returned<C, M::Settler, E>,
    C,
    M::Settler,
>
where
    C: 'static,
    M: Unsettled<C> + ?Sized,
    H: FnOnce(&'a M) -> F,
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&E) -> Option<Failure>,
{
    let guard = super::guard::guard(message);
    let span = Instrumentation::global().process(message);
    guard.handle_with(span, message, handler, failure_of)
}

/// Gives the message of each error back to the broker.
pub type Returned<C, S, E> = fn(&E) -> <S as Settle<C>>::Settlement;

impl Instrumentation {
    /// Handles `message` and settles it by the handler's outcome; see the free function
    /// [`with_settlement`].
    pub fn with_settlement<'a, C, M, H, F, T, E>(
        &self,
        message: &'a M,
        handler: H,
    ) -> Settling<InContext<F>, Returned<C, M::Settler, E>, C, M::Settler>
    where
        C: 'static,
        M: Unsettled<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let guard = self.guard(message);
        guard.handle(self.process(message), message, handler)
    }
}

impl Consumer {
    /// Handles `message` and settles it by the handler's outcome; see the free function
    /// [`with_settlement`](crate::with_settlement).
    pub fn with_settlement<'a, C, M, H, F, T, E>(
        &self,
        message: &'a M,
        handler: H,
    ) -> Settling<InContext<F>, Returned<C, M::Settler, E>, C, M::Settler>
    where
        C: 'static,
        M: Unsettled<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        self.with_settler(message.settler(), message, handler)
    }

    /// Handles `message` and settles it with `settler`, for adapters whose messages do not have what settles
    /// them; see the free function [`with_settlement`](crate::with_settlement).
    pub fn with_settler<'a, C, M, S, H, F, T, E>(
        &self,
        settler: S,
        message: &'a M,
        handler: H,
    ) -> Settling<InContext<F>, Returned<C, S, E>, C, S>
    where
        C: 'static,
        M: Received<C> + ?Sized,
        S: Settle<C>,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let guard = self.guard_of(settler);
        guard.handle(self.process(message), message, handler)
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
    pub struct Settling<W: Handled, K, C: 'static, S: Settle<C>> {
        // In this order. A settlement that is dropped under way is tried again when the span ends.
        settled: Option<Settled<C, S>>,
        #[pin]
        handling: W,
        guard: Guard<C, S>,
        choose: Option<K>,
        output: Option<W::Output>,
    }
}

impl<C: 'static, S: Settle<C>> Guard<C, S> {
    /// Handles the message of this delivery with its span.
    fn handle<'a, M, H, F, T, E>(
        self,
        span: MessageSpan,
        message: &'a M,
        handler: H,
    ) -> Settling<InContext<F>, Returned<C, S, E>, C, S>
    where
        M: ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let span = span.with_left_open(self.left_open());
        Settling::returned(span.try_handle(message, handler), self)
    }

    fn handle_with<'a, M, H, F, T, E, J>(
        self,
        span: MessageSpan,
        message: &'a M,
        handler: H,
        failure_of: J,
    ) -> Settling<
        InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<'a, C, S, M, H, F, T, E, J>>,
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

impl<W, T, E, C: 'static, S> Settling<W, Returned<C, S, E>, C, S>
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
    ) -> Settling<W, impl FnOnce(&E) -> S::Settlement + use<W, T, E, C, S>, C, S> {
        self.or_else(move |_| settlement)
    }

    /// Settles the message as `choose` says if the handler returns an error. `choose` is called with the
    /// error, while the message's context is current. If it panics, the message goes back to the broker.
    pub fn or_else<K>(self, choose: K) -> Settling<W, K, C, S>
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

impl<F, J, T, E, C: 'static, S> Settling<InContext<F, J>, Returned<C, S, E>, C, S>
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
    ) -> Settling<OnError<F, J, H, R>, Returned<C, S, E2>, C, S>
    where
        H: FnOnce(E) -> R,
        R: Future<Output = Result<T, E2>>,
    {
        Settling::returned(self.handling.on_error(hook), self.guard)
    }
}

impl<W, K, T, E, C: 'static, S> Future for Settling<W, K, C, S>
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

impl<W: Handled, K, C: 'static, S: Settle<C>> fmt::Debug for Settling<W, K, C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settling")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}
