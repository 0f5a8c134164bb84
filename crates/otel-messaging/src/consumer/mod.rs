//! Handling received messages, each with its own context current.

pub(crate) mod batch;
pub(crate) mod batch_message;
pub(crate) mod batch_span;
pub(crate) mod collect;
pub(crate) mod entered;
pub(crate) mod fallible;
pub(crate) mod handle;
pub(crate) mod info;
pub(crate) mod polled;
pub(crate) mod process;
pub(crate) mod receive;
pub(crate) mod settle;
pub(crate) mod several;

pub use crate::operation::future::InContext;
pub use crate::operation::on_error::OnError;
pub use crate::operation::span::MessageSpan;
pub use batch_message::BatchMessage;
pub use collect::{Collect, Collected, collect};
pub use entered::Entered;
pub use handle::Consumer;
pub use info::ConsumerInfo;
pub use polled::{Fallible, Many, Maybe, One, Polled, PolledMessages};
pub use settle::all::AllSettled;
pub use settle::batch::{AllSettling, BatchDelivery, BatchSettling, UnsettledItem};
pub use settle::deliveries::Deliveries;
pub use settle::guard::Guard;
pub use settle::once::Settled;
pub use settle::settling::{Returned, Settling, SettlingOne};
pub use settle::{Settle, SettleFuture, Unsettled};
