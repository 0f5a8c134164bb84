//! What is sent.

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

/// An order, as JSON in the messages' payload. Amounts are in cents.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) number: u32,
    pub(crate) items: Vec<Item>,
    pub(crate) total: u32,
    pub(crate) invoice: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) count: u32,
    pub(crate) price: u32,
}

impl Order {
    pub(crate) fn of(number: u32, items: Vec<Item>) -> Self {
        let mut order = Self {
            number,
            items,
            total: 0,
            invoice: None,
        };
        order.total = order.sum().unwrap_or_default();
        order
    }

    pub(crate) fn check_total(&self) -> anyhow::Result<()> {
        let sum = self.sum();
        ensure!(
            sum == Some(self.total),
            "the total of order {} is wrong",
            self.number
        );
        Ok(())
    }

    pub(crate) fn to_json(&self) -> anyhow::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }

    pub(crate) fn from_json(payload: &[u8]) -> anyhow::Result<Self> {
        serde_json::from_slice(payload).context("not an order")
    }

    /// `None` if it is more than can be counted.
    fn sum(&self) -> Option<u32> {
        self.items.iter().try_fold(0_u32, |sum, item| {
            sum.checked_add(item.count.checked_mul(item.price)?)
        })
    }
}
