//! Handlers that may fail, and how their errors mark the message's span.

use crate::instrumentation::settings::Instrumentation;
use crate::loss::boundary;
use crate::message::received::Received;
use crate::operation::failure::Failure;
use crate::operation::future::InContext;
use crate::operation::span::MessageSpan;
use std::any::type_name;
use std::fmt;

impl Instrumentation {
    /// Handles `message` with its context current, and marks its span as failed when the handler
    /// returns an error; see the free function [`try_with_message_context`].
    pub fn try_with_message_context<'a, C, M, H, F, T, E>(
        &self,
        message: &'a M,
        handler: H,
    ) -> InContext<F>
    where
        M: Received<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        self.process(message).try_handle(message, handler)
    }

    /// Handles `message` with its context current, and marks its span with the [`Failure`] that
    /// `failure_of` returns for the handler's error; see the free function
    /// [`try_with_message_context_with`].
    pub fn try_with_message_context_with<'a, C, M, H, F, T, E, J>(
        &self,
        message: &'a M,
        handler: H,
        failure_of: J,
    ) -> InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<'a, C, M, H, F, T, E, J>>
    where
        M: Received<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&E) -> Option<Failure>,
    {
        let span = self.process(message);
        span.try_handle_with(message, handler, failure_of)
    }
}

/// Handles `message` with its context current, as [`with_message_context`] does, and marks its
/// span as failed when the handler returns an error.
///
/// **The error's text is exported**: its `Display` is the text of the span's status, cut to 1,024 bytes
/// and without control characters. The name of its type, as [`std::any::type_name`] gives it, is the
/// span's `error.type`. `anyhow::Error` and `Box<dyn Error>` work too, but only their outermost message
/// is exported, and `error.type` is the same for all of them. For these, for errors without `Display`,
/// for errors with secrets and for expected errors, use [`try_with_message_context_with`]. It can name
/// the kind and write the whole chain (anyhow's `{error:#}`).
///
/// Pass what you do about the error to [`InContext::on_error`]: it runs inside the span, and the span
/// ends after it.
///
/// ```
/// # use otel_messaging::{Received, try_with_message_context};
/// # use std::num::ParseIntError;
/// # async fn handle<M>(_message: &M) -> Result<u64, ParseIntError> { "7".parse() }
/// # async fn reject<M>(_message: &M, _error: ParseIntError) -> std::io::Result<u64> { Ok(0) }
/// # async fn consume<C, M: Received<C>>(message: M) -> std::io::Result<()> {
/// let order = try_with_message_context(&message, handle)
///     .on_error(|error| reject(&message, error))
///     .await?;
/// # let _ = order;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The handler's error, unchanged.
///
/// [`with_message_context`]: crate::with_message_context
pub fn try_with_message_context<'a, C, M, H, F, T, E>(message: &'a M, handler: H) -> InContext<F>
where
    M: Received<C> + ?Sized,
    H: FnOnce(&'a M) -> F,
    F: Future<Output = Result<T, E>>,
    E: fmt::Display,
{
    Instrumentation::global().try_with_message_context(message, handler)
}

/// Handles `message` with its context current, as [`try_with_message_context`] does, and lets the
/// application decide whether and how an error marks the span.
///
/// This function calls `failure_of` with the handler's error, which may have any type, while the
/// message's context is current. If `failure_of` returns `None`, the error was expected, and the span is
/// not marked. If it returns a [`Failure`], that marks the span with its type and its text, and nothing
/// else of the error is exported. If `failure_of` panics, the span is not marked, and
/// [`caught_panics`](crate::loss::caught_panics) counts the panic.
///
/// ```
/// # use otel_messaging::{Failure, Received, try_with_message_context_with};
/// enum OrderError {
///     Duplicate,
///     Declined { card: String },
///     Other(anyhow::Error),
/// }
/// # async fn handle<M>(_message: &M) -> Result<(), OrderError> { Ok(()) }
/// # async fn consume<C, M: Received<C>>(message: M) -> Result<(), OrderError> {
///
/// try_with_message_context_with(&message, handle, |error| match error {
///     OrderError::Duplicate => None,
///     OrderError::Declined { .. } => Some(Failure::new("declined", "the card was declined")),
///     OrderError::Other(error) => Some(Failure::new("other", format_args!("{error:#}"))),
/// })
/// .await?;
/// # if let Err(OrderError::Declined { card }) = handle(&message).await { drop(card) }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The handler's error, unchanged.
pub fn try_with_message_context_with<'a, C, M, H, F, T, E, J>(
    message: &'a M,
    handler: H,
    failure_of: J,
) -> InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>)>
where
    M: Received<C> + ?Sized,
    H: FnOnce(&'a M) -> F,
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&E) -> Option<Failure>,
{
    Instrumentation::global().try_with_message_context_with(message, handler, failure_of)
}

impl MessageSpan {
    pub(crate) fn try_handle<M, H, F, T, E>(mut self, message: M, handler: H) -> InContext<F>
    where
        H: FnOnce(M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let future = self.work(|_| handler(message));
        self.try_run(future)
    }

    pub(crate) fn try_handle_with<M, H, F, T, E, J>(
        mut self,
        message: M,
        handler: H,
        failure_of: J,
    ) -> InContext<F, impl FnOnce(&Self, &Result<T, E>) + use<M, H, F, T, E, J>>
    where
        H: FnOnce(M) -> F,
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&E) -> Option<Failure>,
    {
        let future = self.work(|_| handler(message));
        self.try_run_with(future, failure_of)
    }

    /// Runs `future` as [`run`](Self::run) does, and marks the span as failed when it returns an
    /// error. The error's text is exported, and the name of its type is the span's `error.type`;
    /// see [`try_with_message_context`].
    pub fn try_run<F, T, E>(self, future: F) -> InContext<F>
    where
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        InContext::new(self, future, |span, output| {
            if let Err(error) = output {
                span.fail(type_name::<E>(), error);
            }
        })
    }

    /// Runs `future` as [`run`](Self::run) does, and marks the span with the [`Failure`] that
    /// `failure_of` returns for its error; see [`try_with_message_context_with`].
    pub fn try_run_with<F, T, E, J>(
        self,
        future: F,
        failure_of: J,
    ) -> InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>)>
    where
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&E) -> Option<Failure>,
    {
        InContext::new(self, future, |span: &Self, output: &Result<T, E>| {
            if let Err(error) = output
                && let Some(failure) = boundary::text(|| failure_of(error)).flatten()
            {
                span.fail(failure.error_type, failure.description);
            }
        })
    }
}
