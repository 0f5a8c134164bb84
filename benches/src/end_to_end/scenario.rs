//! One row: a call of one client, against its broker.

use crate::site::Site;
use anyhow::Result;
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::time::Duration;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The client alone. What it sends has no headers.
    Bare,
    /// The client, a span and its propagation by hand.
    ByHand,
    /// The adapter.
    Ours,
}

pub(crate) const WAYS: [Way; 3] = [Way::Bare, Way::ByHand, Way::Ours];

/// What a scenario is opened with.
pub(crate) struct Setting<'a> {
    pub site: &'a Site,
    pub payload: Bytes,
    /// Whether what the client does by itself belongs on another thread.
    pub apart: bool,
}

pub(crate) trait Scenario: Sized {
    const NAME: &'static str;
    /// How many messages take some tenths of a second.
    const MESSAGES: usize;
    /// The largest payload that is tried, in KiB: as much as the broker takes as it is set up.
    const LARGEST: usize;
    /// Whether messages are sent, and not received.
    const SENDS: bool;

    async fn open(setting: &Setting<'_>) -> Result<Self>;

    /// Makes sure that so many messages can be sent, or are there to be received. Not measured.
    async fn prepare(&mut self, messages: usize) -> Result<()>;

    /// Sends so many messages until the broker has them all, or receives and handles them: the time
    /// from the first one on.
    async fn run(&mut self, way: Way, messages: usize) -> Result<Duration>;

    /// Removes what was made on the broker.
    async fn close(self) -> Result<()>;
}

/// Sends so many messages, at most `most` of them at a time.
pub(crate) async fn in_flight<F: Future<Output = Result<()>>>(
    messages: usize,
    most: usize,
    mut send: impl FnMut() -> F,
) -> Result<()> {
    let mut sends = FuturesUnordered::new();
    for _ in 0..messages {
        if sends.len() == most
            && let Some(sent) = sends.next().await
        {
            sent?;
        }
        sends.push(send());
    }
    while let Some(sent) = sends.next().await {
        sent?;
    }
    Ok(())
}
