//! NATS, which shipping, the notifier and the customers use.

use crate::address::Address;
use crate::names::Names;
use async_nats::Client;
use async_nats::jetstream::{self, stream};
use std::time::Duration;

/// Connects. The client connects again by itself, when it has lost the server.
pub(crate) async fn connect(address: &Address) -> anyhow::Result<Client> {
    let connected = async_nats::connect(address.reveal()).await;
    connected.map_err(|error| address.failure("NATS", error))
}

/// The stream of the shop, which is created if it is not there.
pub(crate) async fn stream(
    jetstream: &jetstream::Context,
    names: &Names,
) -> anyhow::Result<stream::Stream> {
    let config = stream::Config {
        name: names.stream.clone(),
        subjects: [&names.parcels, &names.parcels_failed, &names.mails]
            .map(Clone::clone)
            .into(),
        // Or mails, which nobody takes here, would fill the disk.
        max_age: Duration::from_secs(7 * 24 * 60 * 60),
        ..Default::default()
    };
    Ok(jetstream.get_or_create_stream(config).await?)
}
