//! The result of a task, for its sender.

use crate::error::TaskError;
use crate::json;
use crate::received::ReceivedTask;
use crate::task::short;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel};
use otel_messaging_lapin::{InjectingProducer, PublisherConfirm};
use serde::Serialize;
use std::any::type_name;
use std::fmt::Display;

const TRANSIENT: u8 = 1;

/// The result of a task, for a sender that waits for it with Celery's result backend `rpc://`.
///
/// [`ReceivedTask::answer_for_rpc_backend`] makes it.
#[derive(Debug, Clone)]
pub struct Answer {
    queue: ShortString,
    properties: BasicProperties,
    body: Vec<u8>,
}

/// What the backend `rpc://` reads (Celery's `Backend._get_result_meta`).
#[derive(Serialize)]
struct Meta<'a, R> {
    task_id: &'a str,
    status: &'static str,
    result: R,
    traceback: Option<()>,
    children: [(); 0],
}

/// An exception, of whose type Python makes a class where it has no module.
#[derive(Serialize)]
struct Exception {
    exc_type: &'static str,
    exc_message: [String; 1],
    exc_module: Option<()>,
}

impl ReceivedTask<'_> {
    /// Makes the message that the sender's `.get()` waits for: the task's result, or its error, which
    /// `.get()` raises. For tasks whose sender has the result backend `rpc://`.
    ///
    /// A message does not say whether its sender has that backend. Celery clients without a result
    /// backend name a reply queue too, and RabbitMQ drops the answer. As with a worker in Python, both
    /// sides have to be configured alike. Call it only if the senders have that backend. It returns
    /// `None` if the message names no queue or has `ignore_result`.
    ///
    /// `.get()` raises the error as an exception with its text, named for its type
    /// ([`std::any::type_name`]). Anyone who may send tasks may name any queue for the answer.
    ///
    /// ```no_run
    /// # use lapin::Channel;
    /// # use otel_messaging_celery::ReceivedTask;
    /// # use otel_messaging_lapin::InjectingProducer;
    /// # fn pack(order: u64) -> Result<u64, std::num::ParseIntError> { Ok(order) }
    /// # async fn handle(task: &ReceivedTask<'_>, channel: &InjectingProducer<Channel>)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// let (order,): (u64,) = task.args()?;
    /// if let Some(answer) = task.answer_for_rpc_backend(&pack(order))? {
    ///     answer.publish(channel).await?.await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the result cannot be written as JSON, such as a float that is not a finite number. It is
    /// serialised twice as by [`Task::new`](crate::Task::new).
    pub fn answer_for_rpc_backend<T: Serialize, E: Display>(
        &self,
        outcome: &Result<T, E>,
    ) -> Result<Option<Answer>, TaskError> {
        let Some(queue) = self.reply_to().filter(|_| !self.ignores_result()) else {
            return Ok(None);
        };
        let mut body = Vec::new();
        match outcome {
            Ok(value) => json::write(&mut body, &self.meta("SUCCESS", value))?,
            Err(error) => {
                let exception = Exception {
                    exc_type: type_name::<E>(),
                    exc_message: [error.to_string()],
                    exc_module: None,
                };
                json::write(&mut body, &self.meta("FAILURE", exception))?;
            }
        }
        let correlation_id = match self.delivery().properties.correlation_id() {
            Some(id) if !id.as_str().is_empty() => id.clone(),
            _ => short("id", self.id())?,
        };
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into())
            .with_delivery_mode(TRANSIENT)
            .with_correlation_id(correlation_id);
        Ok(Some(Answer {
            queue: queue.clone(),
            properties,
            body,
        }))
    }

    fn meta<R: Serialize>(&self, status: &'static str, result: R) -> Meta<'_, R> {
        Meta {
            task_id: self.id(),
            status,
            result,
            traceback: None,
            children: [],
        }
    }
}

impl Answer {
    /// Publishes the answer through the default exchange, with the context that is current at the call.
    /// This is [`InjectingProducer::publish_reply`]: the queue, which has a different name for each
    /// client, stays out of the span's name.
    ///
    /// # Errors
    ///
    /// The channel's error, unchanged. A queue that is missing is not an error: RabbitMQ drops the
    /// answer.
    pub fn publish(
        &self,
        producer: &InjectingProducer<Channel>,
    ) -> impl Future<Output = lapin::Result<PublisherConfirm>> {
        producer.publish_reply(
            self.queue.clone(),
            BasicPublishOptions::default(),
            &self.body,
            self.properties.clone(),
        )
    }
}
