//! A message of a batch, with its own context.

use crate::operation::failure::Failure;
use crate::operation::future::InContext;
use crate::operation::span::MessageSpan;
use opentelemetry::Context;
use std::fmt;

/// A message of a batch, with its own context. [`with_batch_context`](crate::with_batch_context) and
/// [`process_batch`](crate::process_batch) make it.
///
/// The message's context is that of the span that sent it, with its baggage. If the message does not say
/// which span sent it, its context is that of the batch's span. The message has no span of its own: a panic
/// or an error in its handling marks the span of the batch.
///
/// Its methods consume it. It does not borrow the batch: it may go to another task or thread, and may be
/// handled after the batch has ended. A failure then marks nothing. If you drop it, its message has not been
/// handled, and nothing is recorded of that.
#[must_use = "its message has not been handled"]
pub struct BatchMessage<M> {
    message: M,
    span: MessageSpan,
}

impl<M> BatchMessage<M> {
    pub(crate) fn new(message: M, span: MessageSpan) -> Self {
        Self { message, span }
    }

    /// The message: a reference if the batch was given references.
    pub fn message(&self) -> &M {
        &self.message
    }

    /// The message's context.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.span.context()
    }

    /// Calls `handler` with the message, and runs its future, as
    /// [`with_message_context`](crate::with_message_context) does: the message's context is current at the
    /// call, at every poll and while the future is dropped.
    pub fn run<F: Future>(self, handler: impl FnOnce(M) -> F) -> InContext<F> {
        self.span.handle(self.message, handler)
    }

    /// Handles the message as [`run`](Self::run) does, and notes an error of the handler. The span of the
    /// batch is marked with the first one: **its text is exported**, as with
    /// [`try_with_message_context`](crate::try_with_message_context).
    pub fn try_run<F, T, E>(self, handler: impl FnOnce(M) -> F) -> InContext<F>
    where
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        self.span.try_handle(self.message, handler)
    }

    /// Handles the message as [`try_run`](Self::try_run) does. The application decides whether and how an
    /// error marks the span of the batch, as with
    /// [`try_with_message_context_with`](crate::try_with_message_context_with).
    pub fn try_run_with<F, H, T, E, J>(
        self,
        handler: H,
        failure_of: J,
    ) -> InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<M, F, H, T, E, J>>
    where
        F: Future<Output = Result<T, E>>,
        H: FnOnce(M) -> F,
        J: FnOnce(&E) -> Option<Failure>,
    {
        self.span.try_handle_with(self.message, handler, failure_of)
    }

    /// The message, and what makes its context current: for handlers that are not asynchronous
    /// ([`MessageSpan::enter`]), and for futures that exist already ([`MessageSpan::run`]).
    pub fn into_parts(self) -> (M, MessageSpan) {
        (self.message, self.span)
    }
}

impl<M> fmt::Debug for BatchMessage<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchMessage")
            .field("context", self.context())
            .finish_non_exhaustive()
    }
}
