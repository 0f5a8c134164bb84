//! The handle of a consumer, with its instrumentation.

use crate::consumer::info::ConsumerInfo;
use crate::consumer::process::{AsConsumer, process_by};
use crate::instrumentation::settings::Instrumentation;
use crate::message::received::Received;
use crate::operation::failure::Failure;
use crate::operation::future::InContext;
use crate::operation::span::MessageSpan;
use crate::policy::relation::Relation;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

impl Instrumentation {
    /// Makes a handle for a consumer. The handle puts on the spans what the messages do not know, such as
    /// the group.
    ///
    /// ```
    /// use otel_messaging::consumer::{Consumer, ConsumerInfo};
    /// use otel_messaging::{Instrumentation, Received};
    ///
    /// # async fn handle<M>(_message: &M) {}
    /// # async fn consume<C, M: Received<C>>(message: M) {
    /// let billing = Instrumentation::global().consumer(ConsumerInfo::new().with_group("billing"));
    /// // for each message:
    /// billing.with_message_context(&message, handle).await;
    /// # }
    /// ```
    #[must_use]
    pub fn consumer(&self, info: ConsumerInfo) -> Consumer {
        Consumer {
            instrumentation: self.clone(),
            shared: Arc::new(Shared {
                info,
                has_received: AtomicBool::new(false),
            }),
            relation: None,
        }
    }
}

/// A consumer's handle. It has the functions that handle a message, and adds its [`ConsumerInfo`] to
/// their spans. [`Instrumentation::consumer`] makes it; a clone is cheap.
#[derive(Debug, Clone)]
pub struct Consumer {
    pub(crate) instrumentation: Instrumentation,
    pub(crate) shared: Arc<Shared>,
    relation: Option<Relation>,
}

/// What the clones of a handle share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) info: ConsumerInfo,
    /// Whether polls are received with it. They count the messages then.
    pub(crate) has_received: AtomicBool,
}

impl Consumer {
    /// The instrumentation of this handle.
    #[must_use]
    pub fn instrumentation(&self) -> &Instrumentation {
        &self.instrumentation
    }

    /// Makes a handle by which the spans of messages stand otherwise to the spans around them. It takes
    /// the place of the instrumentation's [relation](crate::instrumentation::Builder::with_relation).
    ///
    /// ```
    /// use otel_messaging::consumer::Consumer;
    /// use otel_messaging::instrumentation::Relation;
    /// use otel_messaging::Received;
    ///
    /// # async fn handle<M>(_message: &M) {}
    /// # async fn consume<C, M: Received<C>>(billing: Consumer, message: M) {
    /// let apart = billing.with_relation(Relation::Link);
    /// apart.with_message_context(&message, handle).await;
    /// # }
    /// ```
    #[must_use]
    pub fn with_relation(&self, relation: Relation) -> Self {
        Self {
            relation: Some(relation),
            ..self.clone()
        }
    }

    /// Reads the context that `message` carries and starts the span of its handling; see the free
    /// function [`process`](crate::process).
    pub fn process<C, M: Received<C> + ?Sized>(&self, message: &M) -> MessageSpan {
        process_by(
            self.instrumentation.settings(),
            &self.as_consumer(),
            message,
        )
    }

    pub(crate) fn as_consumer(&self) -> AsConsumer<'_> {
        AsConsumer {
            endpoint: Some(&self.shared.info.0),
            relation: self.relation,
            is_counted: self.shared.has_received.load(Ordering::Relaxed),
        }
    }

    /// Handles `message` with its context current; see the free function
    /// [`with_message_context`](crate::with_message_context).
    pub fn with_message_context<'a, C, M, H, F>(&self, message: &'a M, handler: H) -> InContext<F>
    where
        M: Received<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future,
    {
        self.process(message).handle(message, handler)
    }

    /// Handles `message` with its context current, and marks its span as failed when the handler
    /// returns an error; see the free function
    /// [`try_with_message_context`](crate::try_with_message_context).
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
    /// [`try_with_message_context_with`](crate::try_with_message_context_with).
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
