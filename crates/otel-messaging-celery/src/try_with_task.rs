//! The handling of a message that should be a task.

use crate::arrived::Arrived;
use crate::error::ReadError;
use crate::received::ReceivedTask;
use lapin::message::Delivery;
use otel_messaging::consumer::{InContext, MessageSpan};
use otel_messaging::{Failure, Instrumentation};
use std::fmt;

/// Handles a delivery that should be a task, in the delivery's own context, also if it turns out not to
/// be a task. Call it once per delivery, in the consumer's loop.
///
/// It does what [`try_with_message_context`](otel_messaging::try_with_message_context) does, with the
/// result of [`ReceivedTask::from_delivery`]. It also exports the text of the handler's error. If the
/// message is not a task, the span is marked as failed with [`ReadError::kind`] as its `error.type`, and
/// the handler still runs: the sender's trace shows what happened to the message. Pass what you do about
/// an error to [`InContext::on_error`]: it runs inside the span, and the span ends after it.
///
/// ```
/// use lapin::message::Delivery;
/// use lapin::options::{BasicAckOptions, BasicRejectOptions};
/// use otel_messaging_celery::{ReadError, ReceivedTask, try_with_task};
/// use std::error::Error;
///
/// type Failed = Box<dyn Error + Send + Sync>;
///
/// async fn consume(delivery: Delivery) -> lapin::Result<()> {
///     try_with_task(&delivery, async |task| {
///         handle(task)?;
///         delivery.ack(BasicAckOptions::default()).await?;
///         Ok::<(), Failed>(())
///     })
///     .on_error(|error| reject(&delivery, error))
///     .await
/// }
///
/// fn handle(task: Result<ReceivedTask<'_>, ReadError>) -> Result<(), ReadError> {
///     let task = task?;
///     let (order,): (u64,) = task.args()?;
///     println!("{}: order {order}", task.name());
///     Ok(())
/// }
///
/// async fn reject(delivery: &Delivery, error: Failed) -> lapin::Result<()> {
///     eprintln!("not handled: {error}");
///     delivery.reject(BasicRejectOptions { requeue: false }).await?;
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// The handler's error, unchanged.
pub fn try_with_task<'a, H, F, T, E>(
    delivery: &'a Delivery,
    handler: H,
) -> InContext<impl Future<Output = Result<T, E>>>
where
    H: FnOnce(Result<ReceivedTask<'a>, ReadError>) -> F,
    F: Future<Output = Result<T, E>>,
    E: fmt::Display,
{
    try_with_task_by(Instrumentation::global(), delivery, handler)
}

/// Handles a delivery that should be a task as [`try_with_task`] does, with this instrumentation in place
/// of the global one.
///
/// # Errors
///
/// The handler's error, unchanged.
pub fn try_with_task_by<'a, H, F, T, E>(
    instrumentation: &Instrumentation,
    delivery: &'a Delivery,
    handler: H,
) -> InContext<impl Future<Output = Result<T, E>> + use<'a, H, F, T, E>>
where
    H: FnOnce(Result<ReceivedTask<'a>, ReadError>) -> F,
    F: Future<Output = Result<T, E>>,
    E: fmt::Display,
{
    let (span, task) = received(instrumentation, delivery);
    span.try_run(async move { handler(task).await })
}

/// Handles a delivery that should be a task as [`try_with_task`] does, and lets the application decide
/// whether and how an error marks the span; see
/// [`try_with_message_context_with`](otel_messaging::try_with_message_context_with).
///
/// This function calls `failure_of` with the handler's error. If the message is not a task, the span is
/// already marked, and stays as it is.
///
/// ```
/// use lapin::message::Delivery;
/// use otel_messaging_celery::{ReadError, ReceivedTask, try_with_task_with};
/// use otel_messaging_lapin::Failure;
///
/// enum Unhandled {
///     Seen,
///     Unread(ReadError),
/// }
///
/// async fn consume(delivery: Delivery) -> Result<(), Unhandled> {
///     try_with_task_with(&delivery, handle, |error| match error {
///         Unhandled::Seen => None,
///         Unhandled::Unread(error) => Some(Failure::new(error.kind(), error)),
///     })
///     .await
/// }
/// # async fn handle(_: Result<ReceivedTask<'_>, ReadError>) -> Result<(), Unhandled> { Ok(()) }
/// ```
///
/// # Errors
///
/// The handler's error, unchanged.
#[expect(clippy::type_complexity, reason = "opaque types cannot have an alias")]
pub fn try_with_task_with<'a, H, F, T, E, J>(
    delivery: &'a Delivery,
    handler: H,
    failure_of: J,
) -> InContext<impl Future<Output = Result<T, E>>, impl FnOnce(&MessageSpan, &Result<T, E>)>
where
    H: FnOnce(Result<ReceivedTask<'a>, ReadError>) -> F,
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&E) -> Option<Failure>,
{
    try_with_task_by_with(Instrumentation::global(), delivery, handler, failure_of)
}

/// Handles a delivery that should be a task as [`try_with_task_with`] does, with this instrumentation in
/// place of the global one.
///
/// # Errors
///
/// The handler's error, unchanged.
#[expect(clippy::type_complexity, reason = "opaque types cannot have an alias")]
pub fn try_with_task_by_with<'a, H, F, T, E, J>(
    instrumentation: &Instrumentation,
    delivery: &'a Delivery,
    handler: H,
    failure_of: J,
) -> InContext<
    impl Future<Output = Result<T, E>> + use<'a, H, F, T, E, J>,
    impl FnOnce(&MessageSpan, &Result<T, E>) + use<'a, H, F, T, E, J>,
>
where
    H: FnOnce(Result<ReceivedTask<'a>, ReadError>) -> F,
    F: Future<Output = Result<T, E>>,
    J: FnOnce(&E) -> Option<Failure>,
{
    let (span, task) = received(instrumentation, delivery);
    span.try_run_with(async move { handler(task).await }, failure_of)
}

/// The span of a delivery, marked already if the message is not a task.
fn received<'a>(
    instrumentation: &Instrumentation,
    delivery: &'a Delivery,
) -> (MessageSpan, Result<ReceivedTask<'a>, ReadError>) {
    let span = instrumentation.process(&Arrived(delivery));
    let task = ReceivedTask::from_delivery(delivery);
    if let Err(error) = &task {
        // The first failure counts, and this one tells more than the handler's.
        span.fail(error.kind(), error);
    }
    (span, task)
}
