//! `otel-messaging doctor`.

use crate::arguments::bounds::BoundsArguments;
use crate::arguments::kafka::KafkaArguments;
use crate::arguments::nats::NatsArguments;
use crate::arguments::output::OutputArguments;
use crate::arguments::rabbitmq::RabbitMqArguments;
use clap::{Args, Subcommand};

/// Look at messages, without disturbing their consumers, and say where traces break and why
///
/// For each destination and producer, the report says how many messages carry a valid context, none, a malformed
/// one, another format, or several that contradict each other. Each finding names the usual causes and the fix.
#[derive(Debug, Args)]
#[command(after_help = STATUSES)]
pub(crate) struct DoctorArguments {
    #[command(subcommand)]
    pub(crate) system: DoctorSystem,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DoctorSystem {
    /// Look at topics of Kafka. Joins no group and commits nothing
    #[command(after_help = help(KAFKA_EXAMPLES))]
    Kafka {
        #[command(flatten)]
        source: KafkaArguments,
        #[command(flatten)]
        bounds: BoundsArguments,
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Look at an exchange, a stream or a queue of RabbitMQ
    #[command(name = "rabbitmq", after_help = help(RABBITMQ_EXAMPLES))]
    RabbitMq {
        #[command(flatten)]
        source: RabbitMqArguments,
        #[command(flatten)]
        bounds: BoundsArguments,
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Look at subjects of NATS, or at a stream of JetStream
    #[command(after_help = help(NATS_EXAMPLES))]
    Nats {
        #[command(flatten)]
        source: NatsArguments,
        #[command(flatten)]
        bounds: BoundsArguments,
        #[command(flatten)]
        output: OutputArguments,
    },
}

fn help(examples: &str) -> String {
    format!("{examples}\n\n{STATUSES}")
}

const STATUSES: &str = "\
Exit status:
  0  the report is written, and the messages pass
  1  with --fail-under: fewer messages have a valid context, or there are no messages
  2  it could not look at all messages, read the spans or write the report";

const KAFKA_EXAMPLES: &str = "\
Examples:
  The newest 1000 messages of each partition:
    otel-messaging doctor kafka --brokers localhost:9092 --topic orders
  The last hour, with a report in HTML:
    otel-messaging doctor kafka -b localhost:9092 -t orders --since 1h --html report.html
  In CI, with the spans that the test run exported:
    otel-messaging doctor kafka -b localhost:9092 -t orders --spans spans.json --fail-under 95%";

const RABBITMQ_EXAMPLES: &str = "\
Examples:
  What an exchange routes in the next 30 seconds:
    otel-messaging doctor rabbitmq --exchange orders --for 30s
  The newest 1000 messages of a stream:
    otel-messaging doctor rabbitmq --url amqp://localhost:5672 --stream orders
  Messages that wait in a classic queue. They are taken and given back:
    otel-messaging doctor rabbitmq --queue orders --requeue --last 100";

const NATS_EXAMPLES: &str = "\
Examples:
  What is published in the next 30 seconds:
    otel-messaging doctor nats --server localhost:4222 --subject 'orders.>' --for 30s
  The messages that came into a stream in the last hour:
    otel-messaging doctor nats --stream ORDERS --since 1h";
