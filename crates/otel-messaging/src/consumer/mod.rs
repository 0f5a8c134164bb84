//! Handling received messages, each with its own context current.

pub(crate) mod entered;
pub(crate) mod fallible;
pub(crate) mod handle;
pub(crate) mod info;
pub(crate) mod polled;
pub(crate) mod process;
pub(crate) mod receive;
pub(crate) mod settle;

pub use crate::operation::future::InContext;
pub use crate::operation::on_error::OnError;
pub use crate::operation::span::MessageSpan;
pub use entered::Entered;
pub use handle::Consumer;
pub use info::ConsumerInfo;
pub use polled::{Fallible, Many, Maybe, One, Polled, PolledMessages};
pub use settle::guard::Guard;
pub use settle::once::Settled;
pub use settle::settling::{Returned, Settling};
pub use settle::{Settle, SettleFuture, Unsettled};
