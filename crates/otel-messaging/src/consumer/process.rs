//! The span of a message's handling.

use crate::consumer::info::ConsumerInfo;
use crate::context::current::Current;
use crate::instrumentation::settings::{Instrumentation, Settings};
use crate::message::received::Received;
use crate::operation::future::InContext;
use crate::operation::parent::Parent;
use crate::operation::span::MessageSpan;
use crate::propagation::carried::Carried;
use crate::telemetry::span_builder::{Action, SpanKindOf};

const PROCESS: Action = Action {
    kind: SpanKindOf::Consumer,
    name: "process",
};

impl Instrumentation {
    /// Reads the context that `message` carries and starts the span of its handling; see the free
    /// function [`process`].
    pub fn process<C, M: Received<C> + ?Sized>(&self, message: &M) -> MessageSpan {
        process_by(self.settings(), None, message)
    }

    /// Handles `message` with its context current; see the free function
    /// [`with_message_context`].
    pub fn with_message_context<'a, C, M, H, F>(&self, message: &'a M, handler: H) -> InContext<F>
    where
        M: Received<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future,
    {
        self.process(message).handle(message, handler)
    }
}

/// Starts the span of a message's handling. Only a span or a policy asks what is known of the message.
pub(crate) fn process_by<C, M: Received<C> + ?Sized>(
    by: &Settings,
    consumer: Option<&ConsumerInfo>,
    message: &M,
) -> MessageSpan {
    if by.is_disabled {
        return MessageSpan::without(Current::here());
    }
    let carried = match message.message_headers() {
        Some(headers) => by.propagation.read(headers),
        None => Carried::nothing(),
    };
    let mut info = None;
    let mut parent = Parent::Of(&carried.context);
    if by.redelivery.is_set() && carried.has_sender() {
        let info = info.insert(message.message_info());
        if by.redelivery.starts_new_trace(info) {
            parent = Parent::Root(&carried.context);
        }
    }
    MessageSpan::start(
        &by.telemetry,
        PROCESS,
        parent,
        || carried.links(),
        (message, info),
        |attributes| {
            if let Some(consumer) = consumer {
                consumer.set_attributes(attributes);
            }
        },
    )
}

impl MessageSpan {
    /// Calls the handler with the message's context current, and runs its future so.
    pub(crate) fn handle<'a, M, H, F>(mut self, message: &'a M, handler: H) -> InContext<F>
    where
        M: ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future,
    {
        let future = self.work(|_| handler(message));
        self.run(future)
    }

    /// Runs `future` with the message's context current at every poll and while it is dropped.
    pub fn run<F: Future>(self, future: F) -> InContext<F> {
        InContext::unjudged(self, future)
    }
}

/// Handles `message` with its context current. Call it once per message, in the consumer's loop.
///
/// It reads the context from the message's headers and starts a span of kind CONSUMER, as a child of the
/// sender's span and linked to it. This span is current whenever the handler runs, and while it is
/// dropped. The span ends with the handler. A message without a context gets a root span, also if a span
/// surrounds the loop. If a message has several contexts, and its protocol does not say which one counts,
/// it gets a root span with a link to each.
///
/// The future is `Send` if the handler's is. If you drop it, the span ends with its status unset. A panic
/// of the handler passes through and marks the span. The context is read at the call. Malformed headers
/// read as absent.
///
/// The handler borrows the message. If your handler owns it, or is not asynchronous, use [`process`]:
/// `process(&message).run(handle(message))`. If the message is behind an `Arc`, pass `&*message` to a
/// handler that takes `&M`.
///
/// ```
/// # use otel_messaging::{Received, with_message_context};
/// # async fn consume<C, M: Received<C>>(message: M) {
/// with_message_context(&message, |message| async move {
///     // spans started here, and messages published here, join the sender's trace
/// #   let _ = message;
/// })
/// .await;
/// # }
/// ```
///
/// Tasks of `tokio::spawn` and `spawn_blocking`, and threads, do not inherit the context. Wrap what the
/// handler gives to them in [`future_in_context`](crate::future_in_context),
/// [`closure_in_context`](crate::closure_in_context) or a [`Job`](crate::Job).
pub fn with_message_context<'a, C, M, H, F>(message: &'a M, handler: H) -> InContext<F>
where
    M: Received<C> + ?Sized,
    H: FnOnce(&'a M) -> F,
    F: Future,
{
    Instrumentation::global().with_message_context(message, handler)
}

/// Reads the context that `message` carries and starts the span of its handling, for handlers
/// that own their message or are not asynchronous.
///
/// ```
/// # use otel_messaging::{Received, process};
/// # use std::num::ParseIntError;
/// # async fn handle<M>(_: M) {}
/// # fn handle_now<M>(_: &M) -> Result<u64, ParseIntError> { "7".parse() }
/// # fn dead_letter<M>(_: M, _: ParseIntError) {}
/// # async fn consume<C, M: Received<C>>(message: M, other: M) {
/// // the message moves into its handler
/// process(&message).run(async move { handle(message).await }).await;
///
/// // a synchronous handler
/// let entered = process(&other).enter();
/// if let Err(error) = handle_now(&other) {
///     entered.fail("order", &error); // the text is exported
///     dead_letter(other, error); // still inside the span
/// }
/// drop(entered);
/// # }
/// ```
pub fn process<C, M: Received<C> + ?Sized>(message: &M) -> MessageSpan {
    Instrumentation::global().process(message)
}
