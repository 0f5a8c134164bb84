//! What was done, to be shown and to be held against the spans.

use crate::order::Parcel;
use opentelemetry::trace::{Link, SpanContext, TraceId};

/// Where a message is in its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) orders: Vec<OrderTaken>,
    pub(crate) pallets: Vec<PalletLoaded>,
}

/// An order, once for each time that it was taken: after an outage it may come again.
#[derive(Debug)]
pub(crate) struct OrderTaken {
    pub(crate) number: u32,
    pub(crate) position: Position,
    /// What the message's headers said, without validity where they said nothing.
    pub(crate) sender: SpanContext,
    /// The span in which it was handled.
    pub(crate) handling: SpanContext,
    pub(crate) articles: usize,
    /// The worker of each parcel so far.
    pub(crate) workers: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct PalletLoaded {
    pub(crate) trace_id: TraceId,
    /// Where Kafka has put it.
    pub(crate) position: Position,
    pub(crate) parcels: Vec<(Parcel, Option<Link>)>,
}
