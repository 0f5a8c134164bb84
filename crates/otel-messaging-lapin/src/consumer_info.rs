//! What a consumer knows of itself.

use crate::route::is_lasting_queue;
use lapin::Consumer;
use otel_messaging::consumer::ConsumerInfo;

/// Reads from a consumer what its deliveries do not know, for the spans of
/// [`Instrumentation::consumer`](crate::Instrumentation::consumer).
///
/// The queue is the consumer's, unless the broker has named it or it is the pseudo-queue of direct
/// reply-to. The client's identifier is the consumer tag. A consumer does not know its broker: add it
/// with [`with_server`](ConsumerInfo::with_server).
///
/// ```no_run
/// # use futures_util::StreamExt;
/// # use lapin::message::Delivery;
/// # use otel_messaging_lapin::{Instrumentation, consumer_info};
/// # async fn handle(_delivery: &Delivery) {}
/// # async fn consume(mut consumer: lapin::Consumer) -> lapin::Result<()> {
/// let info = consumer_info(&consumer).with_server("mq.internal", 5672);
/// let billing = Instrumentation::global().consumer(info);
/// while let Some(delivery) = billing.receive(consumer.next()).await {
///     let delivery = delivery?;
///     billing.with_message_context(&delivery, handle).await;
/// }
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn consumer_info(consumer: &Consumer) -> ConsumerInfo {
    info(consumer.queue().as_str(), consumer.tag().as_str())
}

fn info(queue: &str, tag: &str) -> ConsumerInfo {
    let mut info = ConsumerInfo::new();
    if is_lasting_queue(queue) {
        info = info.with_queue(queue);
    }
    if !tag.is_empty() {
        info = info.with_client_id(tag);
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_known_by_the_name_that_somebody_chose() {
        let with_tag = ConsumerInfo::new().with_client_id("billing-1");
        for (queue, expected) in [
            ("orders", with_tag.clone().with_queue("orders")),
            ("amq.orders", with_tag.clone().with_queue("amq.orders")),
            ("amq.gen-JzTY20BRgKO", with_tag.clone()),
            ("amq.rabbitmq.reply-to", with_tag.clone()),
            ("amq.rabbitmq.reply-to.g1h2", with_tag.clone()),
            ("", with_tag.clone()),
        ] {
            assert_eq!(info(queue, "billing-1"), expected, "{queue}");
        }
        assert_eq!(info("", ""), ConsumerInfo::new());
    }
}
