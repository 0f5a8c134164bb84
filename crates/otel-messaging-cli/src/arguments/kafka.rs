//! Where and how the doctor looks at Kafka.

use crate::arguments::secret::Secret;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::str::FromStr;

/// Looks at topics of Kafka: the doctor joins no consumer group and commits no offset.
#[derive(Debug, Clone, Args)]
pub(crate) struct KafkaArguments {
    /// Addresses of brokers, separated by commas
    #[arg(long, short, value_name = "HOST:PORT,…", env = "KAFKA_BROKERS")]
    pub(crate) brokers: String,

    /// A topic to look at; may be given more than once
    #[arg(long, short, value_name = "TOPIC", required = true)]
    pub(crate) topic: Vec<String>,

    /// Connect with TLS; any other --tls- option implies it
    #[arg(long, env = "KAFKA_TLS", help_heading = "Connection")]
    pub(crate) tls: bool,

    /// Certificates to trust in place of the system's, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "KAFKA_TLS_CA",
        help_heading = "Connection"
    )]
    pub(crate) tls_ca: Option<PathBuf>,

    /// The client's own certificate, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "KAFKA_TLS_CERT",
        requires = "tls_key",
        help_heading = "Connection"
    )]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The key of --tls-cert, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "KAFKA_TLS_KEY",
        requires = "tls_cert",
        help_heading = "Connection"
    )]
    pub(crate) tls_key: Option<PathBuf>,

    /// How to log in; with --username it is PLAIN unless given
    #[arg(
        long,
        value_name = "MECHANISM",
        env = "KAFKA_SASL_MECHANISM",
        requires = "username",
        ignore_case = true,
        help_heading = "Connection"
    )]
    pub(crate) sasl_mechanism: Option<SaslMechanism>,

    /// The name to log in with
    #[arg(
        long,
        value_name = "NAME",
        env = "KAFKA_USERNAME",
        help_heading = "Connection"
    )]
    pub(crate) username: Option<String>,

    /// The password; other users of the machine can see an argument, so prefer the variable or the file
    #[arg(
        long,
        value_name = "PASSWORD",
        env = "KAFKA_PASSWORD",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    pub(crate) password: Option<Secret>,

    /// A file with the password; counts before --password
    #[arg(
        long,
        value_name = "FILE",
        env = "KAFKA_PASSWORD_FILE",
        help_heading = "Connection"
    )]
    pub(crate) password_file: Option<PathBuf>,

    /// Any other setting of librdkafka; may be given more than once
    #[arg(short = 'X', value_name = "NAME=VALUE", help_heading = "Connection")]
    pub(crate) settings: Vec<Setting>,
}

impl KafkaArguments {
    /// The brokers.
    pub(crate) fn address(&self) -> String {
        self.brokers.clone()
    }
}

/// How a client of Kafka proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SaslMechanism {
    #[value(name = "PLAIN")]
    Plain,
    #[value(name = "SCRAM-SHA-256")]
    ScramSha256,
    #[value(name = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    pub(crate) fn name(self) -> &'static str {
        match self {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// A setting of librdkafka. The value may be a password.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: Secret,
}

/// Never fails, because clap would print the value: the source refuses a setting without a name.
impl FromStr for Setting {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').unwrap_or(("", text));
        Ok(Self {
            name: name.trim().to_owned(),
            value: value.parse()?,
        })
    }
}
