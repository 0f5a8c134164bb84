//! How far a look goes.

use std::time::{Duration, SystemTime};

/// `--last`, `--since`, `--for` and `--max`.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    pub(crate) from: From,
    /// How long to wait for new messages, once the old ones are read. Without it, a log is read to the end that
    /// it has when the look begins.
    pub(crate) listen_for: Option<Duration>,
    /// How many messages are read at most, of all destinations.
    pub(crate) max: u64,
}

/// Where a look at a log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// At so many messages before the end, in each partition.
    Last(u64),
    /// At the first message that came at this time or later.
    Time(SystemTime),
}
