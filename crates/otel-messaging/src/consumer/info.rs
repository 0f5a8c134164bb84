//! The facts that a consumer knows and its messages do not.

use crate::message::attributes::Attributes;
use crate::telemetry::semconv;

/// The facts that a consumer knows and its messages do not: the group, the server, the client. A
/// [`Consumer`](crate::consumer::Consumer) made with it puts them on its spans.
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
pub struct ConsumerInfo {
    group: Option<String>,
    subscription: Option<String>,
    client_id: Option<String>,
    server: Option<(String, u16)>,
}

impl ConsumerInfo {
    /// Makes an empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the consumer group: Kafka's `group.id`.
    #[must_use]
    pub fn with_group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into());
        self
    }

    /// Sets the name of the subscription, such as the name of a durable consumer of JetStream.
    #[must_use]
    pub fn with_subscription(mut self, name: impl Into<String>) -> Self {
        self.subscription = Some(name.into());
        self
    }

    /// Sets the identifier of the client: Kafka's `client.id`, RabbitMQ's consumer tag.
    #[must_use]
    pub fn with_client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// Sets the address and the port of the broker. Leave it out if there are several brokers.
    #[must_use]
    pub fn with_server(mut self, address: impl Into<String>, port: u16) -> Self {
        self.server = Some((address.into(), port));
        self
    }

    pub(crate) fn set_attributes(&self, attributes: &mut Attributes) {
        let texts = [
            (semconv::MESSAGING_CONSUMER_GROUP_NAME, &self.group),
            (
                semconv::MESSAGING_DESTINATION_SUBSCRIPTION_NAME,
                &self.subscription,
            ),
            (semconv::MESSAGING_CLIENT_ID, &self.client_id),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                attributes.set_remote(key, text);
            }
        }
        if let Some((address, port)) = &self.server {
            attributes.set_remote(semconv::SERVER_ADDRESS, address);
            attributes.set(semconv::SERVER_PORT, i64::from(*port));
        }
    }
}
