//! What is ordered, packed and sent.

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// An order, as JSON in the messages' payload.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) number: u32,
    pub(crate) articles: Vec<String>,
}

impl Order {
    pub(crate) fn from_json(payload: &[u8]) -> anyhow::Result<Self> {
        serde_json::from_slice(payload).context("not an order")
    }
}

/// One article of an order: a job for a worker.
#[derive(Debug)]
pub(crate) struct Article {
    pub(crate) order: u32,
    pub(crate) name: String,
}

/// An article that was packed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Parcel {
    pub(crate) order: u32,
    pub(crate) article: String,
}

/// Parcels of several orders, as JSON in one message.
#[derive(Debug, Serialize)]
pub(crate) struct Pallet<'a> {
    pub(crate) parcels: Vec<&'a Parcel>,
}
