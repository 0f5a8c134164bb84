//! What the services tell each other, as JSON.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the gateway takes, and billing gets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The gateway gives one to orders without it.
    #[serde(default = "Uuid::new_v4")]
    pub(crate) id: Uuid,
    pub(crate) customer: String,
    /// In cents.
    pub(crate) amount: i64,
}

/// What billing sends, and shipping gets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Invoice {
    pub(crate) order: Uuid,
    pub(crate) customer: String,
    pub(crate) number: i64,
}

/// What shipping sends, and the notifier gets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) order: Uuid,
    pub(crate) customer: String,
    pub(crate) invoice: i64,
}

/// What the notifier sends to the customer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mail {
    pub(crate) order: Uuid,
    pub(crate) to: String,
    pub(crate) text: String,
}
