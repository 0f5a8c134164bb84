//! The handling of a message that should be a task.

use crate::error::ReadError;
use crate::received::{Arrived, ReceivedTask};
use lapin::message::Delivery;
use otel_messaging::Instrumentation;

/// Handles a delivery that should be a task in its own context, whatever it turns out to be: the one
/// line of a consumer's loop.
///
/// It is [`try_with_message_context`](otel_messaging::try_with_message_context) for what
/// [`ReceivedTask::from_delivery`] gives. Where that is an error, the span is marked as failed, with
/// [`ReadError::kind`] as its `error.type`, and the handler runs all the same: who sent the message
/// sees in its own trace what became of it.
///
/// ```
/// use lapin::message::Delivery;
/// use otel_messaging_celery::{ReadError, ReceivedTask, try_with_task};
///
/// async fn consume(delivery: Delivery) -> Result<(), ReadError> {
///     try_with_task(&delivery, handle).await
/// }
///
/// async fn handle(task: Result<ReceivedTask<'_>, ReadError>) -> Result<(), ReadError> {
///     let task = task?;
///     let (order,): (u64,) = task.args()?;
///     println!("{}: order {order}", task.name());
///     Ok(())
/// }
/// ```
pub fn try_with_task<'a, H, F, T, E>(
    delivery: &'a Delivery,
    handler: H,
) -> impl Future<Output = Result<T, E>>
where
    H: FnOnce(Result<ReceivedTask<'a>, ReadError>) -> F,
    F: Future<Output = Result<T, E>>,
{
    try_with_task_by(&Instrumentation::global(), delivery, handler)
}

/// Handles a delivery that should be a task as [`try_with_task`] does, by this instrumentation in
/// place of the global one.
pub fn try_with_task_by<'a, H, F, T, E>(
    instrumentation: &Instrumentation,
    delivery: &'a Delivery,
    handler: H,
) -> impl Future<Output = Result<T, E>> + use<'a, H, F, T, E>
where
    H: FnOnce(Result<ReceivedTask<'a>, ReadError>) -> F,
    F: Future<Output = Result<T, E>>,
{
    let processing = instrumentation.process(&Arrived(delivery));
    let task = ReceivedTask::from_delivery(delivery);
    let is_refused = task.is_err();
    if let Err(error) = &task {
        processing.fail(error.kind(), error);
    }
    let handled = async move { handler(task).await };
    if is_refused {
        // The first failure is the one that tells more.
        processing.run(handled)
    } else {
        processing.try_run(handled)
    }
}
