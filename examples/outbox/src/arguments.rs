//! The command line.

use crate::address::Address;
use crate::order::Order;
use crate::stop::Point;
use clap::{Parser, Subcommand};

/// Places an order, relays its message from the outbox to Kafka and handles it, in one trace.
///
/// The order and its message are written in one transaction, with the context of the request. The
/// relay publishes the message in that context once it is committed, at least once and in order. The
/// consumer writes one invoice per message, in the trace of the request.
///
/// Without a command all three run in this process, with a temporary SQLite file and, unless one is
/// given, over a Kafka that is embedded in this program: no broker is needed.
///
/// It prints a line for each step and for each span that has ended, with its ids.
#[derive(Debug, Parser)]
#[command(name = "outbox", after_long_help = AFTER_HELP, version, verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,

    /// The database of the commands: sqlite:… or postgres://… [default: sqlite:outbox.db?mode=rwc]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "DATABASE_URL",
        hide_env_values = true
    )]
    database: Option<String>,

    /// The address of Kafka: host:port, or several with commas [default of the commands:
    /// 127.0.0.1:9092]
    #[arg(
        long,
        global = true,
        value_name = "LIST",
        env = "KAFKA_BROKERS",
        hide_env_values = true
    )]
    brokers: Option<String>,

    /// The topic of the messages
    #[arg(long, global = true, value_name = "NAME", default_value = "orders")]
    pub(crate) topic: String,

    /// Waits at this point until you kill the program
    #[arg(long, global = true, value_name = "POINT")]
    pub(crate) stop_at: Option<Point>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Places one order
    Place(Order),
    /// Publishes the messages in the outbox
    Relay {
        /// Ends when the outbox is empty
        #[arg(long)]
        until_empty: bool,
    },
    /// Writes an invoice for each order
    Consume {
        /// The consumer's group
        #[arg(long, default_value = "billing")]
        group: String,

        /// Ends after this number of messages
        #[arg(long, value_name = "NUMBER")]
        messages: Option<u64>,
    },
}

const AFTER_HELP: &str = "\
An empty variable counts as not set.

Exit status:
  0  Done
  1  The order was refused, or the database or Kafka failed: one line on stderr says which
  2  The command line is wrong

Examples:
  cargo run --bin outbox
  cargo run --bin outbox -- place --number 8
  cargo run --bin outbox -- place --number 9 --stop-at committed
  cargo run --bin outbox -- relay
  cargo run --bin outbox -- consume";

impl Arguments {
    /// The database of a program that is not on its own.
    pub(crate) fn database(&self) -> Address {
        let given = Address::given(self.database.as_deref());
        given.unwrap_or_else(|| Address::new("sqlite:outbox.db?mode=rwc"))
    }

    /// The Kafka that was given, if any.
    pub(crate) fn given_brokers(&self) -> Option<Address> {
        Address::given(self.brokers.as_deref())
    }

    pub(crate) fn brokers(&self) -> Address {
        let given = self.given_brokers();
        given.unwrap_or_else(|| Address::new("127.0.0.1:9092"))
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
