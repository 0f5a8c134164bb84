//! What a consumer's configuration says of it.

use crate::configuration::Configuration;
use otel_messaging::consumer::ConsumerInfo;
use rdkafka::consumer::{Consumer, ConsumerContext};

/// Reads from a consumer what its messages do not know, for the spans of
/// [`Instrumentation::consumer`](crate::Instrumentation::consumer).
///
/// The group is `group.id`, the client's identifier is `client.id`, and the server is the broker in
/// `bootstrap.servers`. A list of several brokers is not the address of a server, so the spans of its
/// consumer have no server. Without a `client.id` the identifier is
/// librdkafka's default, `rdkafka`. Everything else that the configuration does not say stays unknown.
///
/// ```no_run
/// # use otel_messaging_rdkafka::{Instrumentation, consumer_info};
/// # use rdkafka::consumer::StreamConsumer;
/// # use rdkafka::error::KafkaResult;
/// # use rdkafka::message::BorrowedMessage;
/// # async fn handle(_message: &BorrowedMessage<'_>) {}
/// # async fn consume(consumer: StreamConsumer) -> KafkaResult<()> {
/// let billing = Instrumentation::global().consumer(consumer_info(&consumer));
/// loop {
///     let message = consumer.recv().await?;
///     billing.with_message_context(&message, handle).await;
/// }
/// # }
/// ```
#[must_use]
pub fn consumer_info<C: ConsumerContext>(consumer: &impl Consumer<C>) -> ConsumerInfo {
    let configuration = Configuration::of(consumer.client());
    let mut info = ConsumerInfo::new();
    if let Some(group) = configuration.group_id() {
        info = info.with_group(group);
    }
    if let Some(id) = configuration.client_id() {
        info = info.with_client_id(id);
    }
    if let Some((address, port)) = configuration.server() {
        info = info.with_server(address, port);
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::ClientConfig;
    use rdkafka::consumer::{BaseConsumer, DefaultConsumerContext, StreamConsumer};

    /// A configuration of a client that finds no broker.
    fn config(properties: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in properties {
            config.set(*name, *value);
        }
        config
    }

    fn info(properties: &[(&str, &str)]) -> ConsumerInfo {
        let consumer: BaseConsumer = config(properties).create().expect("a consumer");
        consumer_info(&consumer)
    }

    #[tokio::test]
    async fn the_configuration_says_group_client_and_server() {
        let properties = [
            ("bootstrap.servers", "127.0.0.1:1"),
            ("client.id", "billing-1"),
            ("group.id", "billing"),
        ];
        let expected = ConsumerInfo::new()
            .with_group("billing")
            .with_client_id("billing-1")
            .with_server("127.0.0.1", 1);
        assert_eq!(info(&properties), expected);

        let consumer: StreamConsumer<DefaultConsumerContext> =
            config(&properties).create().expect("a consumer");
        assert_eq!(consumer_info(&consumer), expected);
    }

    #[test]
    fn what_the_configuration_does_not_say_is_unknown() {
        // librdkafka's own default.
        let expected = ConsumerInfo::new().with_client_id("rdkafka");
        assert_eq!(info(&[]), expected);
        assert_eq!(info(&[("client.id", "")]), expected);
        let several = ("bootstrap.servers", "127.0.0.1:1,127.0.0.1:2");
        assert_eq!(info(&[several]), expected);
    }

    #[test]
    fn a_long_property_is_read_to_its_end() {
        let (group, id) = ("g".repeat(10_000), "ü".repeat(1_000));
        let expected = ConsumerInfo::new().with_group(&group).with_client_id(&id);
        assert_eq!(info(&[("group.id", &group), ("client.id", &id)]), expected);
    }
}
