//! The calls that settle a delivery by the outcome of its handler.

use super::guard::{Guard, guard};
use super::settling::SettlingOne;
use super::{Settle, Unsettled};
use crate::consumer::handle::Consumer;
use crate::instrumentation::settings::Instrumentation;
use crate::message::received::Received;
use crate::operation::failure::Failure;
use crate::operation::future::InContext;
use crate::operation::span::MessageSpan;
use std::fmt;

/// Handles `message` with its context current, as [`try_with_message_context`] does, and settles it by the
/// handler's outcome: a message that was handled is acknowledged.
///
/// | outcome | settlement |
/// | --- | --- |
/// | `Ok` | acknowledged |
/// | `Err` | back to the broker, or as [`or`](crate::consumer::Settling::or) or [`or_else`](crate::consumer::Settling::or_else) says |
/// | a panic; the future is dropped, as by `select!`, an abort, a shutdown | back to the broker |
/// | settled in the handler, by a [guard](crate::consumer::Guard::with_settlement) or by lapin's own method | stays so |
///
/// The adapters' READMEs say which calls of the client these are. The settlement has a span, such as
/// `ack orders`: a child of the message's span, which ends after it. If the future is dropped, the crate
/// asks the client once to take the message back, without waiting. So a message may be handled twice, and is
/// not lost.
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
/// The client's error, if the settlement failed; the handler's result is lost then, but for what the span
/// has of it. The handler's result is inside: `Ok(Err(error))` says that the handler failed and that its
/// message was settled.
///
/// [`try_with_message_context`]: crate::try_with_message_context
pub fn with_settlement<'a, C, M, H, F, T, E>(
    message: &'a M,
    handler: H,
) -> SettlingOne<InContext<F>, T, E, C, M::Settler>
where
    C: 'static,
    M: Unsettled<C> + ?Sized,
    H: FnOnce(&'a M) -> F,
    F: Future<Output = Result<T, E>>,
    E: fmt::Display,
{
    guard(message).with_settlement(message, handler)
}

/// Handles `message` and settles it, as [`with_settlement`] does, and lets the application decide whether
/// and how an error marks the span, as
/// [`try_with_message_context_with`](crate::try_with_message_context_with) does.
///
/// # Errors
///
/// As [`with_settlement`].
#[expect(clippy::type_complexity, reason = "an alias cannot name a closure")]
pub fn with_settlement_with<'a, C, M, H, F, T, E, J>(
    message: &'a M,
    handler: H,
    failure_of: J,
) -> SettlingOne<InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>)>, T, E, C, M::Settler>
where
    C: 'static,
    M: Unsettled<C> + ?Sized,
    H: FnOnce(&'a M) -> F,
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&E) -> Option<Failure>,
{
    guard(message).with_settlement_with(message, handler, failure_of)
}

impl Instrumentation {
    /// Handles `message` and settles it by the handler's outcome; see the free function
    /// [`with_settlement`].
    pub fn with_settlement<'a, C, M, H, F, T, E>(
        &self,
        message: &'a M,
        handler: H,
    ) -> SettlingOne<InContext<F>, T, E, C, M::Settler>
    where
        C: 'static,
        M: Unsettled<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        self.guard(message).with_settlement(message, handler)
    }

    /// Handles `message` and settles it, and marks its span with the [`Failure`] that `failure_of` returns
    /// for the handler's error; see the free function [`with_settlement_with`].
    #[expect(clippy::type_complexity, reason = "an alias cannot name a closure")]
    pub fn with_settlement_with<'a, C, M, H, F, T, E, J>(
        &self,
        message: &'a M,
        handler: H,
        failure_of: J,
    ) -> SettlingOne<
        InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<'a, C, M, H, F, T, E, J>>,
        T,
        E,
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
        let guard = self.guard(message);
        guard.with_settlement_with(message, handler, failure_of)
    }
}

impl Consumer {
    /// Handles `message` and settles it by the handler's outcome; see the free function
    /// [`with_settlement`](crate::with_settlement).
    pub fn with_settlement<'a, C, M, H, F, T, E>(
        &self,
        message: &'a M,
        handler: H,
    ) -> SettlingOne<InContext<F>, T, E, C, M::Settler>
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
    ) -> SettlingOne<InContext<F>, T, E, C, S>
    where
        C: 'static,
        M: Received<C> + ?Sized,
        S: Settle<C>,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        self.guard_of(settler).with_settlement(message, handler)
    }

    /// Handles `message` and settles it, and marks its span with the [`Failure`] that `failure_of` returns
    /// for the handler's error; see the free function
    /// [`with_settlement_with`](crate::with_settlement_with).
    #[expect(clippy::type_complexity, reason = "an alias cannot name a closure")]
    pub fn with_settlement_with<'a, C, M, H, F, T, E, J>(
        &self,
        message: &'a M,
        handler: H,
        failure_of: J,
    ) -> SettlingOne<
        InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<'a, C, M, H, F, T, E, J>>,
        T,
        E,
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
        let guard = self.guard(message);
        guard.with_settlement_with(message, handler, failure_of)
    }

    /// Handles `message` and settles it with `settler`, and marks its span with the [`Failure`] that
    /// `failure_of` returns for the handler's error, for adapters whose messages do not have what settles
    /// them; see the free function [`with_settlement_with`](crate::with_settlement_with).
    #[expect(clippy::type_complexity, reason = "an alias cannot name a closure")]
    pub fn with_settler_with<'a, C, M, S, H, F, T, E, J>(
        &self,
        settler: S,
        message: &'a M,
        handler: H,
        failure_of: J,
    ) -> SettlingOne<
        InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<'a, C, M, S, H, F, T, E, J>>,
        T,
        E,
        C,
        S,
    >
    where
        C: 'static,
        M: Received<C> + ?Sized,
        S: Settle<C>,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&E) -> Option<Failure>,
    {
        let guard = self.guard_of(settler);
        guard.with_settlement_with(message, handler, failure_of)
    }
}

impl<C: 'static, S: Settle<C>> Guard<C, S> {
    /// Handles `message`, the message of this guard, and settles it by the handler's outcome, as
    /// [`with_settlement`](crate::with_settlement) does. The handler may have the guard too: to settle the
    /// message early, or to tell JetStream that it is still being handled.
    ///
    /// ```
    /// # use otel_messaging::consumer::{Guard, Settle, Unsettled};
    /// # use otel_messaging::guard;
    /// # async fn handle<M, C, S: Settle<C>>(_: &M, _: &Guard<C, S>) -> std::io::Result<()> { Ok(()) }
    /// # async fn consume<C: 'static, M: Unsettled<C>>(
    /// #     message: M,
    /// # ) -> Result<(), <M::Settler as Settle<C>>::Error> {
    /// let guard = guard(&message);
    /// let handled = guard.with_settlement(&message, |message| handle(message, &guard));
    /// if let Err(error) = handled.await? {
    ///     eprintln!("the message went back to the broker: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The client's error, if the settlement failed. Otherwise the handler's result is inside.
    pub fn with_settlement<'a, M, H, F, T, E>(
        &self,
        message: &'a M,
        handler: H,
    ) -> SettlingOne<InContext<F>, T, E, C, S>
    where
        M: Received<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        self.handle(self.process(message), message, handler)
    }

    /// Handles the message of this guard and settles it, as [`with_settlement`](Self::with_settlement) does,
    /// and marks its span with the [`Failure`] that `failure_of` returns for the handler's error.
    ///
    /// # Errors
    ///
    /// The client's error, if the settlement failed. Otherwise the handler's result is inside.
    #[expect(clippy::type_complexity, reason = "an alias cannot name a closure")]
    pub fn with_settlement_with<'a, M, H, F, T, E, J>(
        &self,
        message: &'a M,
        handler: H,
        failure_of: J,
    ) -> SettlingOne<
        InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<'a, C, S, M, H, F, T, E, J>>,
        T,
        E,
        C,
        S,
    >
    where
        M: Received<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&E) -> Option<Failure>,
    {
        self.handle_with(self.process(message), message, handler, failure_of)
    }

    fn process<M: Received<C> + ?Sized>(&self, message: &M) -> MessageSpan {
        self.delivery.by.process(message)
    }
}
