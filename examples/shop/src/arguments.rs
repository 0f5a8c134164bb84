//! The command line.

use crate::address::Address;
use crate::names::Names;
use clap::{Parser, Subcommand};
use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Command;

/// Five services over three brokers, with traces, metrics and logs.
///
/// Without a command it starts all five, sends ten orders, waits until each is settled, ends the services,
/// and prints what they have exported. One order is poisonous, and one is from a customer who does not
/// exist.
#[derive(Debug, Parser)]
#[command(name = "shop", after_long_help = AFTER_HELP, version, verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,

    #[command(flatten)]
    options: Options,

    /// Sends no orders, and takes them until Ctrl-C
    #[arg(long)]
    pub(crate) serve: bool,

    /// Where the gateway listens [default: a free port; 127.0.0.1:8080 with --serve]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,

    /// The file of billing's SQLite database [default: one that goes with the run; invoices.db with
    /// --serve]
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,

    /// How many seconds the ten orders may take
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    timeout: u64,

    /// Ends a service when its standard input ends
    #[arg(long, global = true, hide = true)]
    pub(crate) stop_with_input: bool,
}

#[derive(Debug, clap::Args)]
struct Options {
    /// The address of RabbitMQ [default: amqp://127.0.0.1:5672/%2f]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "AMQP_URL",
        hide_env_values = true
    )]
    amqp_url: Option<String>,

    /// The address of Kafka: host:port, or several with commas [default: 127.0.0.1:9092]
    #[arg(
        long,
        global = true,
        value_name = "LIST",
        env = "KAFKA_BROKERS",
        hide_env_values = true
    )]
    kafka_brokers: Option<String>,

    /// The address of NATS [default: nats://127.0.0.1:4222]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "NATS_URL",
        hide_env_values = true
    )]
    nats_url: Option<String>,

    /// Stands before the names of queues, topics, groups and subjects: letters, digits, - and _
    #[arg(long, global = true, value_name = "TEXT", default_value = "", value_parser = prefix)]
    prefix: String,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Role {
    /// Takes orders by HTTP: POST /orders
    Gateway {
        /// Where it listens
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
    },
    /// Writes invoices
    Billing {
        /// The file of its SQLite database
        #[arg(long, value_name = "FILE", default_value = "invoices.db")]
        database: PathBuf,
    },
    /// Packs parcels
    Shipping,
    /// Sends mails
    Notifier,
    /// Knows the customers
    Customers,
}

const AFTER_HELP: &str = "\
An empty variable counts as not set. The exporters read OTEL_EXPORTER_OTLP_ENDPOINT and its siblings
(http://127.0.0.1:4318 without it). Without --serve, the command receives what the services export, and
passes it on to where these variables say, over HTTP without TLS. RUST_LOG says what is logged.

Exit status:
  0  Every order was settled
  1  A service or a broker failed, an order was not settled in time, or what the services export was
     not passed on: one line on stderr says which
  2  The command line is wrong

Examples:
  cargo run --bin shop
  cargo run --bin shop -- --serve
  curl -H 'tenant: acme' -H 'content-type: application/json' \\
    -d '{\"customer\": \"ada\", \"amount\": 1250}' 127.0.0.1:8080/orders
  cargo run --bin shop -- billing --database /var/lib/invoices.db";

/// The brokers, and the names on them.
#[derive(Debug, Clone)]
pub(crate) struct Brokers {
    pub(crate) amqp: Address,
    pub(crate) kafka: Address,
    pub(crate) nats: Address,
    pub(crate) names: Names,
}

impl Arguments {
    pub(crate) fn brokers(&self) -> Brokers {
        let options = &self.options;
        let or = |given: &Option<String>, usual: &str| {
            Address::given(given.as_deref()).unwrap_or_else(|| Address::new(usual))
        };
        Brokers {
            amqp: or(&options.amqp_url, "amqp://127.0.0.1:5672/%2f"),
            kafka: or(&options.kafka_brokers, "127.0.0.1:9092"),
            nats: or(&options.nats_url, "nats://127.0.0.1:4222"),
            names: Names::new(&options.prefix),
        }
    }

    /// Another process of this program, on the same brokers. Addresses may have passwords, which the
    /// arguments of a process would show.
    pub(crate) fn command_of(&self, service: &str) -> std::io::Result<Command> {
        let brokers = self.brokers();
        let mut command = Command::new(env::current_exe()?);
        command.args([service, "--stop-with-input", "--prefix"]);
        command.arg(&self.options.prefix);
        command.env("AMQP_URL", brokers.amqp.reveal());
        command.env("KAFKA_BROKERS", brokers.kafka.reveal());
        command.env("NATS_URL", brokers.nats.reveal());
        Ok(command)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// NATS has the narrowest rules for names.
fn prefix(given: &str) -> Result<String, String> {
    let is_fit = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if given.chars().all(is_fit) {
        return Ok(given.to_owned());
    }
    Err("it may have letters, digits, - and _".to_owned())
}

impl Role {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Gateway { .. } => "gateway",
            Self::Billing { .. } => "billing",
            Self::Shipping => "shipping",
            Self::Notifier => "notifier",
            Self::Customers => "customers",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
