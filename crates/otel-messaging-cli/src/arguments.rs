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
pub(crate) enum Command {
    /// Looks at messages.
    #[command(subcommand)]
    Doctor(Doctor),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Doctor {
    Kafka(Place<kafka::KafkaArguments>),
    #[command(name = "rabbitmq")]
    RabbitMq(Place<rabbitmq::RabbitMqArguments>),
    Nats(Place<nats::NatsArguments>),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Place<A: clap::Args> {
    #[command(flatten)]
    pub(crate) source: A,
    #[arg(long, default_value_t = 1000)]
    pub(crate) last: u64,
    #[arg(long)]
    pub(crate) since: Option<jiff::Timestamp>,
    #[arg(long = "for")]
    pub(crate) listen_for: Option<jiff::SignedDuration>,
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) max: u64,
    #[arg(long)]
    pub(crate) json: bool,
}
