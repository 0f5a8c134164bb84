//! Where and how the doctor looks at RabbitMQ.

use crate::arguments::secret::Secret;
use crate::arguments::url::without_credentials;
use clap::{ArgGroup, Args, ValueEnum};
use std::path::PathBuf;

/// Looks at messages of RabbitMQ: those that an exchange routes while the doctor listens, those of a stream,
/// or, with `--requeue`, those that wait in a queue.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("place").args(["exchange", "stream", "queue"]).required(true))]
pub(crate) struct RabbitMqArguments {
    /// The broker, as amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS
    #[arg(
        long,
        short,
        value_name = "URL",
        env = "AMQP_URL",
        hide_env_values = true
    )]
    pub(crate) url: Secret,

    /// An exchange: a queue of the doctor's own is bound to it for as long as the doctor listens. Not one that is
    /// auto-delete or has an alternate exchange; one that a policy gives it cannot be seen, and misses what the
    /// doctor's queue takes
    #[arg(long, short, value_name = "EXCHANGE")]
    pub(crate) exchange: Option<String>,

    /// A routing key or pattern to bind with; may be given more than once
    #[arg(
        long,
        short = 'k',
        value_name = "KEY",
        requires = "exchange",
        default_value = "#"
    )]
    pub(crate) routing_key: Vec<String>,

    /// What the exchange is, if this user may not configure it: RabbitMQ does not tell it then
    #[arg(long, value_name = "TYPE", requires = "exchange")]
    pub(crate) exchange_type: Option<ExchangeType>,

    /// A stream, which is read as any number of its readers do
    #[arg(long, value_name = "STREAM")]
    pub(crate) stream: Option<String>,

    /// A classic queue: only with --requeue, and better its exchange with --exchange
    #[arg(long, short, value_name = "QUEUE")]
    pub(crate) queue: Option<String>,

    /// Take messages out of --queue and give them back. Consumers do not get them for that moment; they are
    /// flagged as redelivered then, and their order may change
    #[arg(long, requires = "queue")]
    pub(crate) requeue: bool,

    /// The name to log in with, in place of the user in the URL
    #[arg(
        long,
        value_name = "NAME",
        env = "AMQP_USER",
        help_heading = "Connection"
    )]
    pub(crate) user: Option<String>,

    /// The password; other users of the machine can see an argument, so prefer the variable or the file
    #[arg(
        long,
        value_name = "PASSWORD",
        env = "AMQP_PASSWORD",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    pub(crate) password: Option<Secret>,

    /// A file with the password; counts before --password
    #[arg(
        long,
        value_name = "FILE",
        env = "AMQP_PASSWORD_FILE",
        help_heading = "Connection"
    )]
    pub(crate) password_file: Option<PathBuf>,

    /// Certificates to trust beside the system's, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "AMQP_TLS_CA",
        help_heading = "Connection"
    )]
    pub(crate) tls_ca: Option<PathBuf>,

    /// The client's own certificate, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "AMQP_TLS_CERT",
        requires = "tls_key",
        help_heading = "Connection"
    )]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The key of --tls-cert, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "AMQP_TLS_KEY",
        requires = "tls_cert",
        help_heading = "Connection"
    )]
    pub(crate) tls_key: Option<PathBuf>,
}

impl RabbitMqArguments {
    /// The URL without user and password.
    pub(crate) fn address(&self) -> String {
        without_credentials(self.url.reveal())
    }
}

/// An exchange of such a type gives a copy of a message to each of its queues that wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExchangeType {
    Topic,
    Fanout,
    Direct,
    Headers,
}

impl ExchangeType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Fanout => "fanout",
            Self::Direct => "direct",
            Self::Headers => "headers",
        }
    }
}
