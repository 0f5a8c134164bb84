//! Answers to the queue that a request names.

use crate::confirm::PublisherConfirm;
use crate::destination::Destination;
use crate::producer::{InjectingProducer, inject, sent};
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Result};
use otel_messaging::Sending;

impl InjectingProducer<Channel> {
    /// Answers a request: publishes by the default exchange to the queue that it names in
    /// `reply_to`, as [`basic_publish`](Self::basic_publish) does.
    ///
    /// Clients make such a queue for themselves alone, and name it at random. So the span is called
    /// `publish`, and the queue is a temporary destination. `basic_publish` does the same for
    /// queues that RabbitMQ names and for direct reply-to.
    ///
    /// # Errors
    ///
    /// Those of the channel, unchanged; the span is then marked as failed.
    pub fn publish_reply(
        &self,
        reply_to: ShortString,
        options: BasicPublishOptions,
        payload: &[u8],
        properties: BasicProperties,
    ) -> impl Future<Output = Result<PublisherConfirm>> {
        let mut description = sent(&properties);
        Destination::new("", reply_to.as_str()).describe_as_reply(&mut description);
        let sending = Sending::start(self.instrumentation(), description);
        let properties = inject(&sending, properties);
        self.publish(sending, "".into(), reply_to, options, payload, properties)
    }
}
