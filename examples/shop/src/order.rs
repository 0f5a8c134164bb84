//! The messages between the services, as JSON.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The gateway publishes it to billing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The gateway gives one to orders without it.
    #[serde(default = "Uuid::new_v4")]
    pub(crate) id: Uuid,
    pub(crate) customer: String,
    /// In cents.
    pub(crate) amount: i64,
}

/// Billing sends it to shipping.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Invoice {
    pub(crate) order: Uuid,
    pub(crate) customer: String,
    pub(crate) number: i64,
}

/// Shipping publishes it to the notifier.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) order: Uuid,
    pub(crate) customer: String,
    pub(crate) invoice: i64,
}

/// The notifier publishes it to whoever delivers mails.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mail {
    pub(crate) order: Uuid,
    pub(crate) to: String,
    pub(crate) text: String,
}
