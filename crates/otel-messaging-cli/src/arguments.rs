//! The command line.

pub(crate) mod kafka;
pub(crate) mod nats;
pub(crate) mod rabbitmq;
pub(crate) mod secret;
mod url;

use clap::{Parser, Subcommand};

/// Finds where a trace breaks at RabbitMQ, Kafka or NATS, and explains the headers that carry it.
#[derive(Debug, Parser)]
#[command(name = "otel-messaging", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {}
