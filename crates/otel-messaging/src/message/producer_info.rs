//! The facts that a producer knows and its messages do not.

use crate::message::endpoint::{Endpoint, shown, shown_server};

/// The facts that a producer knows and its messages do not: the server and the client. The wrapped
/// producers of the adapters put them on the spans and metrics of what they send.
///
/// ```
/// use otel_messaging::producer::ProducerInfo;
///
/// let info = ProducerInfo::new().with_server("nats.internal", 4222);
/// # let _ = info;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProducerInfo(pub(crate) Endpoint);

impl ProducerInfo {
    /// Makes an empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the identifier of the client, such as Kafka's `client.id`. Metrics do not have it.
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
