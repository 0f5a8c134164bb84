//! Points at which a program stops, to be killed there.

use crate::telemetry::tell;
use clap::ValueEnum;
use std::future::pending;

/// A point between two steps that a crash may come between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Point {
    /// place: all is written, nothing is committed
    Written,
    /// place: committed, and nobody has been told
    Committed,
    /// relay: Kafka has acknowledged the message, and its row is still there
    Acknowledged,
    /// consume: the invoice is committed, and Kafka does not know that the message is done with
    Invoiced,
}

/// Says so and waits for ever, if this is where to stop.
pub(crate) async fn at(point: Point, stop_at: Option<Point>) {
    if stop_at == Some(point) {
        tell("stopped", &format!("{point:?}").to_lowercase());
        pending::<()>().await;
    }
}
