//! What each service is given, and how it ends.

use crate::arguments::Brokers;
use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What each service is given.
pub(crate) struct Service {
    pub(crate) brokers: Brokers,
    /// Cancelled when the service is to end: it then takes nothing new, and ends what it has in hand.
    pub(crate) stop: CancellationToken,
}

/// Cancelled at SIGTERM and at Ctrl-C.
pub(crate) fn stopping() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    });
    Ok(stop)
}
