//! What a consumer of a stream knows of itself.

use async_nats::jetstream::consumer::{Consumer, Info, IntoConsumerConfig};
use otel_messaging::consumer::ConsumerInfo;

/// Reads from a JetStream consumer, pull or push, what its spans and metrics show, for
/// [`Instrumentation::consumer`](crate::Instrumentation::consumer). It asks the server for nothing.
///
/// A durable consumer's name is the subscription. The name of any other consumer is left out, because it
/// would be another one each time. A consumer does not know its server: add it with
/// [`with_server`](ConsumerInfo::with_server). Subscriptions of core NATS do not know their queue group:
/// make a [`ConsumerInfo`] by hand for them.
///
/// ```no_run
/// # use async_nats::jetstream::{Message, consumer::PullConsumer};
/// # use futures_util::StreamExt;
/// # use otel_messaging_async_nats::{Instrumentation, consumer_info};
/// # use std::io;
/// # async fn handle(_message: &Message) -> io::Result<()> { Ok(()) }
/// # async fn consume(consumer: PullConsumer) -> Result<(), async_nats::Error> {
/// let info = consumer_info(&consumer).with_server("nats.internal", 4222);
/// let billing = Instrumentation::global().consumer(info);
/// let mut messages = consumer.messages().await?;
/// while let Some(message) = billing.receive(messages.next()).await {
///     let message = message?;
///     let _handled = billing.with_settlement(&message, handle).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn consumer_info<T: IntoConsumerConfig>(consumer: &Consumer<T>) -> ConsumerInfo {
    info(consumer.cached_info())
}

fn info(of: &Info) -> ConsumerInfo {
    let durable = of.config.durable_name.as_ref();
    match durable.filter(|name| !name.is_empty()) {
        Some(name) => ConsumerInfo::new().with_subscription(name),
        None => ConsumerInfo::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a server describes a consumer.
    fn described(name: &str, config: &str) -> Info {
        let text = format!(
            r#"{{
                "stream_name": "ORDERS", "name": "{name}", "created": "2026-11-28T10:00:00Z",
                "config": {{
                    "deliver_policy": "all", "ack_policy": "explicit", "replay_policy": "instant"
                    {config}
                }},
                "delivered": {{"consumer_seq": 0, "stream_seq": 0}},
                "ack_floor": {{"consumer_seq": 0, "stream_seq": 0}},
                "num_ack_pending": 0, "num_redelivered": 0, "num_waiting": 0, "num_pending": 0
            }}"#
        );
        serde_json::from_str(&text).expect("an info")
    }

    #[test]
    fn a_durable_consumer_is_a_subscription() {
        let durable = described("billing", r#", "durable_name": "billing""#);
        let expected = ConsumerInfo::new().with_subscription("billing");
        assert_eq!(info(&durable), expected);

        let ephemeral = described("Gx3bT9aK", r#", "name": "Gx3bT9aK""#);
        assert_eq!(info(&ephemeral), ConsumerInfo::new());
    }
}
