//! The command line.

use clap::Parser;
use examples::address::Address;

/// Sends an order through four services and three message brokers, and draws its trace.
///
/// The order goes from the shop to checkout, to billing, to shipping. Each service has a tracer
/// provider and a meter provider of its own, and the context travels in the messages' headers. It
/// shows the trace as a tree, the headers of each hop as they were on the wire, and the trace id.
/// With --metrics it shows the services' metrics too.
///
/// Without options, no broker is needed: all three hops go over a Kafka that is embedded in this
/// program. With --brokers, the first hop goes over RabbitMQ, the second over Kafka and the third
/// over NATS JetStream. An address, given as an option or in the environment, has the same effect;
/// the other brokers then have their default addresses. Each run names its queue, topic and stream
/// anew, and removes them at its end.
#[derive(Debug, Parser)]
#[command(name = "pipeline", after_long_help = AFTER_HELP, version, verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Goes over RabbitMQ, Kafka and NATS JetStream.
    #[arg(long)]
    brokers: bool,

    /// Goes over the embedded Kafka, whatever the environment says.
    #[arg(long, conflicts_with = "brokers")]
    embedded: bool,

    /// Shows the metrics of all services as a table, at the end.
    #[arg(long)]
    pub(crate) metrics: bool,

    /// The address of RabbitMQ [default: amqp://127.0.0.1:5672/%2f].
    #[arg(long, value_name = "URL", env = "AMQP_URL", hide_env_values = true)]
    amqp_url: Option<String>,

    /// The address of Kafka: host:port, or several with commas [default: 127.0.0.1:9092].
    #[arg(
        long,
        value_name = "LIST",
        env = "KAFKA_BROKERS",
        hide_env_values = true
    )]
    kafka_brokers: Option<String>,

    /// The address of a NATS server with JetStream [default: nats://127.0.0.1:4222].
    #[arg(long, value_name = "URL", env = "NATS_URL", hide_env_values = true)]
    nats_url: Option<String>,
}

const AFTER_HELP: &str = "\
Environment:
  AMQP_URL, KAFKA_BROKERS, NATS_URL
          The same as the options; an empty variable counts as not set
  OTEL_EXPORTER_OTLP_ENDPOINT
          Each service exports its spans and metrics there too: OTLP over HTTP, without TLS. If that
          fails, a line on stderr says so, and nothing else changes
  OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER
          If `none`, spans or metrics are not exported. (Jaeger takes no metrics)
  COLUMNS
          The width to draw in if stdout is not a terminal, from 80 to 100 [default: 100]
  NO_COLOR
          If set, the output has no colours. It has none outside a terminal either

Exit status:
  0  The order was shipped, and every span is joined to one trace
  1  A broker could not be reached or did not deliver, or a span is not joined: one line on stderr
     says which
  2  The command line is wrong

Examples:
  cargo run --bin pipeline
  cargo run --bin pipeline -- --metrics
  cargo run --bin pipeline -- --brokers
  cargo run --bin pipeline -- --amqp-url amqp://guest:guest@127.0.0.1:5672/%2f
  docker compose up --wait && cargo run --bin pipeline -- --brokers
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 cargo run --bin pipeline";

/// Where the three real brokers are.
pub(crate) struct Addresses {
    pub(crate) rabbitmq: Address,
    pub(crate) kafka: Address,
    pub(crate) nats: Address,
}

impl Arguments {
    /// The real brokers to go over; none for the embedded one.
    pub(crate) fn addresses(&self) -> Option<Addresses> {
        let given = [&self.amqp_url, &self.kafka_brokers, &self.nats_url]
            .map(|given| Address::given(given.as_deref()));
        let any = given.iter().any(Option::is_some);
        if self.embedded || !(self.brokers || any) {
            return None;
        }
        let [rabbitmq, kafka, nats] = given;
        let or = |given: Option<Address>, usual: &str| given.unwrap_or_else(|| Address::new(usual));
        Some(Addresses {
            rabbitmq: or(rabbitmq, "amqp://127.0.0.1:5672/%2f"),
            kafka: or(kafka, "127.0.0.1:9092"),
            nats: or(nats, "nats://127.0.0.1:4222"),
        })
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
