//! A queue where Rust and Python meet.

use integration_tests::client::unique;
use integration_tests::rabbitmq::RabbitMq;
use lapin::options::{ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{FieldTable, ShortString};

/// A queue as Celery declares it: durable, with an exchange of the same name.
pub(crate) struct Place {
    pub(crate) queue: ShortString,
}

impl Place {
    /// A name that no other test uses. Whoever consumes it first declares it.
    pub(crate) fn new() -> Self {
        Self {
            queue: unique("celery").into(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.queue.as_str()
    }

    pub(crate) async fn declare(&self, rabbitmq: &RabbitMq) {
        let options = QueueDeclareOptions {
            durable: true,
            ..Default::default()
        };
        let table = FieldTable::default();
        let declared = rabbitmq
            .channel
            .queue_declare(self.queue.clone(), options, table);
        declared.await.expect("a queue");
    }

    /// Removes what would stay in the broker otherwise. Without programs that use it.
    pub(crate) async fn remove(self, rabbitmq: &RabbitMq) {
        let options = QueueDeleteOptions::default();
        let deleted = rabbitmq.channel.queue_delete(self.queue.clone(), options);
        deleted.await.expect("the broker answers");
        let options = ExchangeDeleteOptions::default();
        let deleted = rabbitmq.channel.exchange_delete(self.queue, options);
        deleted.await.expect("the broker answers");
    }
}
