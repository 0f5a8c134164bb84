//! A batch of messages that is handled as one operation, with a context for each message.

use crate::consumer::batch_message::BatchMessage;
use crate::consumer::batch_span::process_batch_by;
use crate::consumer::handle::Consumer;
use crate::consumer::process::AsConsumer;
use crate::instrumentation::settings::Instrumentation;
use crate::message::received::Received;
use crate::operation::future::InContext;
use crate::operation::span::MessageSpan;
use std::fmt;

impl Instrumentation {
    /// Reads the contexts that `messages` carry and starts one span for the handling of all; see the free
    /// function [`process_batch`](crate::process_batch).
    pub fn process_batch<C, I>(&self, messages: I) -> (MessageSpan, Vec<BatchMessage<I::Item>>)
    where
        I: IntoIterator<Item: Received<C>>,
    {
        process_batch_by(self.settings(), &AsConsumer::default(), messages)
    }

    /// Handles `messages` as one operation; see the free function
    /// [`with_batch_context`](crate::with_batch_context).
    pub fn with_batch_context<C, I, H, F>(&self, messages: I, handler: H) -> InContext<F>
    where
        I: IntoIterator<Item: Received<C>>,
        H: FnOnce(Vec<BatchMessage<I::Item>>) -> F,
        F: Future,
    {
        let (span, batch) = self.process_batch(messages);
        span.handle(batch, handler)
    }

    /// Handles `messages` as one operation that may fail; see the free function
    /// [`try_with_batch_context`](crate::try_with_batch_context).
    pub fn try_with_batch_context<C, I, H, F, T, E>(&self, messages: I, handler: H) -> InContext<F>
    where
        I: IntoIterator<Item: Received<C>>,
        H: FnOnce(Vec<BatchMessage<I::Item>>) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let (span, batch) = self.process_batch(messages);
        span.try_handle(batch, handler)
    }
}

impl Consumer {
    /// Reads the contexts that `messages` carry and starts one span for the handling of all; see the free
    /// function [`process_batch`](crate::process_batch).
    pub fn process_batch<C, I>(&self, messages: I) -> (MessageSpan, Vec<BatchMessage<I::Item>>)
    where
        I: IntoIterator<Item: Received<C>>,
    {
        process_batch_by(
            self.instrumentation.settings(),
            &self.as_consumer(),
            messages,
        )
    }

    /// Handles `messages` as one operation; see the free function
    /// [`with_batch_context`](crate::with_batch_context).
    pub fn with_batch_context<C, I, H, F>(&self, messages: I, handler: H) -> InContext<F>
    where
        I: IntoIterator<Item: Received<C>>,
        H: FnOnce(Vec<BatchMessage<I::Item>>) -> F,
        F: Future,
    {
        let (span, batch) = self.process_batch(messages);
        span.handle(batch, handler)
    }

    /// Handles `messages` as one operation that may fail; see the free function
    /// [`try_with_batch_context`](crate::try_with_batch_context).
    pub fn try_with_batch_context<C, I, H, F, T, E>(&self, messages: I, handler: H) -> InContext<F>
    where
        I: IntoIterator<Item: Received<C>>,
        H: FnOnce(Vec<BatchMessage<I::Item>>) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let (span, batch) = self.process_batch(messages);
        span.try_handle(batch, handler)
    }
}

/// Handles a batch of messages as one operation. Inside it each message has its own context.
///
/// It reads the contexts of all messages and starts one span of kind CONSUMER, `process {destination}`. The
/// span is a child of the context that is current at the call, and has a link to the sender of each message.
/// What is equal for all messages is on the span, and what differs is on the links, such as offsets. The
/// span ends with the handler.
///
/// The handler gets a [`BatchMessage`](crate::consumer::BatchMessage) for each message, in their order. It
/// handles one in its message's context, so that what it starts and publishes is in the trace of that
/// message. Several may be handled side by side, in one task (`join_all`) or in spawned ones. Outside of
/// them the batch's span is current. This is the place for a write of all messages at once. A message of
/// all of them is published with [`Join`](crate::producer::Join).
///
/// `messages` are references or the messages themselves: `&batch`, `batch.drain(..)`, an iterator.
///
/// ```
/// # use otel_messaging::{Received, with_batch_context};
/// # async fn handle<M>(_message: &M) {}
/// # async fn consume<C, M: Received<C>>(messages: Vec<M>) {
/// with_batch_context(&messages, async |batch| {
///     for message in batch {
///         message.run(handle).await; // an `async fn handle(message: &M)`
///     }
/// })
/// .await;
/// # }
/// ```
///
/// A message that does not say which span sent it has no link, and is handled in the context of the batch's
/// span. If contexts of a message contradict each other, there is a link to each of its senders. Malformed
/// headers read as absent.
///
/// Metrics count each message as if it were handled alone, except `messaging.process.duration`, which has
/// the duration of the batch once. An empty batch has neither a span nor metrics. What
/// [`Relation`](crate::instrumentation::Relation) says, and the limits of age and deliveries, do not apply to
/// batches, because the span is no child of a sender's. By default OpenTelemetry's SDK keeps 128 links per
/// span; [`dropped_links`](crate::loss::dropped_links) counts the others.
///
/// The future is `Send` if the handler's is. If you drop it, the span ends with its status unset. A panic of
/// the handler passes through and marks the span, and a panic in one message's handling marks it also where
/// a spawned task keeps it from the handler.
pub fn with_batch_context<C, I, H, F>(messages: I, handler: H) -> InContext<F>
where
    I: IntoIterator<Item: Received<C>>,
    H: FnOnce(Vec<BatchMessage<I::Item>>) -> F,
    F: Future,
{
    Instrumentation::global().with_batch_context(messages, handler)
}

/// Handles a batch of messages as [`with_batch_context`](crate::with_batch_context) does, and marks the
/// batch's span as failed when the handler returns an error.
///
/// **The error's text is exported**, as with
/// [`try_with_message_context`](crate::try_with_message_context). If messages failed before, by
/// [`BatchMessage::try_run`](crate::consumer::BatchMessage::try_run), the first one's error marks the span,
/// and `otel_messaging.batch.failed_messages` says how many failed. The messages' errors mark the span in
/// both functions.
///
/// ```
/// # use otel_messaging::{Received, try_with_batch_context};
/// # use std::num::ParseIntError;
/// # async fn handle<M>(_message: &M) -> Result<(), ParseIntError> { Ok(()) }
/// # async fn consume<C, M: Received<C>>(messages: Vec<M>) -> Result<(), ParseIntError> {
/// try_with_batch_context(&messages, async |batch| {
///     for message in batch {
///         message.try_run(handle).await?; // ends the batch with the first error
///     }
///     Ok(())
/// })
/// .await
/// # }
/// ```
///
/// # Errors
///
/// The handler's error, unchanged.
pub fn try_with_batch_context<C, I, H, F, T, E>(messages: I, handler: H) -> InContext<F>
where
    I: IntoIterator<Item: Received<C>>,
    H: FnOnce(Vec<BatchMessage<I::Item>>) -> F,
    F: Future<Output = Result<T, E>>,
    E: fmt::Display,
{
    Instrumentation::global().try_with_batch_context(messages, handler)
}

/// Reads the contexts that `messages` carry and starts one span for the handling of all, for handlers that
/// are not asynchronous. See [`with_batch_context`](crate::with_batch_context).
///
/// ```
/// # use otel_messaging::{Received, process_batch};
/// # use std::num::ParseIntError;
/// # fn handle_now<M>(_message: &M) -> Result<u64, ParseIntError> { "7".parse() }
/// # fn consume<C, M: Received<C>>(messages: Vec<M>) {
/// let (span, batch) = process_batch(&messages);
/// let entered = span.enter();
/// for message in batch {
///     let (message, context) = message.into_parts();
///     let entered = context.enter();
///     if let Err(error) = handle_now(message) {
///         entered.fail("order", &error); // marks the span of the batch; the text is exported
///     }
/// }
/// drop(entered);
/// # }
/// ```
pub fn process_batch<C, I>(messages: I) -> (MessageSpan, Vec<BatchMessage<I::Item>>)
where
    I: IntoIterator<Item: Received<C>>,
{
    Instrumentation::global().process_batch(messages)
}
