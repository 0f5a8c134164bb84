//! The names of the queues, topics and subjects.

/// The names of the queues, topics and subjects, behind a prefix: two shops may use the same brokers.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// RabbitMQ: from the gateway to billing.
    pub(crate) orders: String,
    /// RabbitMQ: orders that billing cannot handle.
    pub(crate) orders_failed: String,
    /// Kafka: from billing to shipping.
    pub(crate) invoices: String,
    /// Kafka: the group of shipping's consumers.
    pub(crate) shipping: String,
    /// Kafka: invoices that shipping cannot read.
    pub(crate) invoices_failed: String,
    /// JetStream: the stream of the parcels and the mails.
    pub(crate) stream: String,
    /// JetStream: from shipping to the notifier.
    pub(crate) parcels: String,
    /// JetStream: parcels of which nobody can be notified.
    pub(crate) parcels_failed: String,
    /// NATS: the service that knows the customers.
    pub(crate) customers: String,
    /// JetStream: from the notifier to whoever delivers mails.
    pub(crate) mails: String,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        let name = |name: &str| format!("{prefix}{name}");
        Self {
            orders: name("orders"),
            orders_failed: name("orders-failed"),
            invoices: name("invoices"),
            shipping: name("shipping"),
            invoices_failed: name("invoices-failed"),
            stream: name("SHOP"),
            parcels: name("parcels"),
            parcels_failed: name("parcels-failed"),
            customers: name("customers"),
            mails: name("mails"),
        }
    }
}
