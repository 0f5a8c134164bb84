//! The command line.

use clap::Parser;
use examples::address::Address;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Packs the articles of many orders with a few workers, each in the trace of its order.
///
/// A shop places orders; a consumer hands their articles to a pool of workers; the parcels of
/// several orders go onto one pallet, which is one message with links to all of them. It shows each
/// order with its trace and the workers that packed it, and each pallet with its links.
///
/// Without options, no broker is needed: orders and pallets go over a Kafka that is embedded in
/// this program.
///
/// It ends after the last order, or on SIGINT or SIGTERM. On a signal it takes no more orders,
/// packs and loads the orders that it has, and commits each order whose pallet Kafka has
/// acknowledged. After a crash, start it again with the same --run: it does what was left undone,
/// and may do some of the rest a second time (at least once).
#[derive(Debug, Parser)]
#[command(name = "worker-pool", after_long_help = AFTER_HELP, version, verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Goes over the Kafka at this address: host:port, or several with commas.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "KAFKA_BROKERS",
        hide_env_values = true
    )]
    brokers: Option<String>,

    /// Goes over the embedded Kafka, whatever the environment says.
    #[arg(long)]
    embedded: bool,

    /// Goes on with the run of this name, or begins it. The topics are orders-NAME, pallets-NAME and
    /// rejected-NAME, and stay. Otherwise the name is a new one, and the topics are removed when all
    /// is done.
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,

    /// How many orders the shop places first.
    #[arg(long, value_name = "COUNT", default_value_t = 6)]
    pub(crate) orders: u32,

    /// How many workers there are.
    #[arg(long, value_name = "COUNT", default_value = "3")]
    pub(crate) workers: NonZeroUsize,

    /// How many articles may wait for a worker. The next order is taken when all articles of the one
    /// before are among them.
    #[arg(long, value_name = "COUNT", default_value = "2")]
    pub(crate) waiting: NonZeroUsize,

    /// How many parcels fit on a pallet.
    #[arg(long, value_name = "COUNT", default_value = "4")]
    pub(crate) room: NonZeroUsize,

    /// How long it takes to pack an article, in milliseconds.
    #[arg(long, value_name = "TIME", default_value_t = 20)]
    pack_time: u64,
}

const AFTER_HELP: &str = "\
Environment:
  KAFKA_BROKERS
          The same as --brokers; an empty variable counts as not set
  OTEL_EXPORTER_OTLP_ENDPOINT
          Spans and metrics are exported there: OTLP over HTTP, without TLS. If that fails, a line on
          stderr says so, and nothing else changes
  OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER
          If `none`, spans or metrics are not exported. (Jaeger takes no metrics)

Exit status:
  0  All orders that were taken are on pallets, each span is in the trace where it belongs, and each
     pallet is linked to its parcels
  1  Kafka could not be reached or did not deliver, or a span is not where it belongs: one line on
     stderr says which
  2  The command line is wrong

Examples:
  cargo run --bin worker-pool
  cargo run --bin worker-pool -- --workers 1 --room 100
  cargo run --bin worker-pool -- --brokers 127.0.0.1:9092 --run monday --orders 200
  cargo run --bin worker-pool -- --brokers 127.0.0.1:9092 --run monday --orders 0
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 cargo run --bin worker-pool";

impl Arguments {
    /// Where the real Kafka is; none for the embedded one.
    pub(crate) fn address(&self) -> Option<Address> {
        let given = self.brokers.as_deref().filter(|given| !given.is_empty());
        given.filter(|_| !self.embedded).map(Address::new)
    }

    pub(crate) fn pack_time(&self) -> Duration {
        Duration::from_millis(self.pack_time)
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
