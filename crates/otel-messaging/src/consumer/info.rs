//! The facts that a consumer knows and its messages do not.

use crate::message::endpoint::{Endpoint, shown, shown_server};

/// The facts that a consumer knows and its messages do not: the group, the queue, the server, the client.
/// A [`Consumer`](crate::consumer::Consumer) made with it puts them on its spans and metrics. A text of
/// more than 1,024 bytes is left out.
///
/// ```
/// use otel_messaging::consumer::ConsumerInfo;
///
/// let info = ConsumerInfo::new()
///     .with_group("billing")
///     .with_server("kafka.internal", 9092);
/// # let _ = info;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsumerInfo(pub(crate) Endpoint);

impl ConsumerInfo {
    /// Makes an empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the consumer group: Kafka's `group.id`.
    #[must_use]
    pub fn with_group(mut self, name: impl AsRef<str>) -> Self {
        self.0.group = shown(name.as_ref());
        self
    }

    /// Sets the name of the subscription, such as the name of a durable consumer of JetStream.
    #[must_use]
    pub fn with_subscription(mut self, name: impl AsRef<str>) -> Self {
        self.0.subscription = shown(name.as_ref());
        self
    }

    /// Sets the name of RabbitMQ's queue, which deliveries do not have. The destination is then
    /// `{exchange}:{routing key}:{queue}`, without the queue if the routing key is the same. Leave it
    /// out if the broker has named the queue.
    #[must_use]
    pub fn with_queue(mut self, name: impl AsRef<str>) -> Self {
        self.0.queue = shown(name.as_ref());
        self
    }

    /// Sets the identifier of the client: Kafka's `client.id`, RabbitMQ's consumer tag. Metrics do not
    /// have it.
    #[must_use]
    pub fn with_client_id(mut self, id: impl AsRef<str>) -> Self {
        self.0.client_id = shown(id.as_ref());
        self
    }

    /// Sets the address and the port of the broker. Leave it out if there are several brokers.
    #[must_use]
    pub fn with_server(mut self, address: impl AsRef<str>, port: u16) -> Self {
        self.0.server = shown_server(address.as_ref(), port);
        self
    }
}
