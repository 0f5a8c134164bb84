//! What is ordered.

use clap::Args;
use serde::{Deserialize, Serialize};

/// An order, from the command line, and as JSON in the message.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The order's number, which no other order has
    #[arg(long, default_value_t = 7)]
    pub(crate) number: i64,

    /// What is ordered; the shop starts with 100 tea
    #[arg(long, default_value = "tea")]
    pub(crate) item: String,

    /// How many
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) count: i64,
}
