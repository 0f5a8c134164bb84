//! Where and how the doctor looks at NATS.

use crate::arguments::secret::Secret;
use crate::arguments::url::without_credentials;
use clap::{ArgGroup, Args};
use std::path::PathBuf;

/// Looks at messages of NATS: those that come while the doctor listens on subjects, or those of a stream of
/// JetStream.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("place").args(["subject", "stream"]).multiple(true).required(true))]
pub(crate) struct NatsArguments {
    /// Addresses of servers, separated by commas: nats://HOST:PORT, tls://, ws:// or wss://
    #[arg(
        long,
        short,
        value_name = "URL,…",
        env = "NATS_URL",
        hide_env_values = true
    )]
    pub(crate) server: Secret,

    /// A subject to listen on, such as 'orders.>'; may be given more than once. With --stream: only messages
    /// of these subjects
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Vec<String>,

    /// A stream of JetStream
    #[arg(long, value_name = "STREAM")]
    pub(crate) stream: Option<String>,

    /// The name to log in with
    #[arg(
        long,
        value_name = "NAME",
        env = "NATS_USER",
        help_heading = "Connection"
    )]
    pub(crate) user: Option<String>,

    /// The password; other users of the machine can see an argument, so prefer the variable or the file
    #[arg(
        long,
        value_name = "PASSWORD",
        env = "NATS_PASSWORD",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    pub(crate) password: Option<Secret>,

    /// A file with the password; counts before --password
    #[arg(
        long,
        value_name = "FILE",
        env = "NATS_PASSWORD_FILE",
        help_heading = "Connection"
    )]
    pub(crate) password_file: Option<PathBuf>,

    /// A token to log in with; prefer the variable or the file
    #[arg(
        long,
        value_name = "TOKEN",
        env = "NATS_TOKEN",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    pub(crate) token: Option<Secret>,

    /// A file with the token; counts before --token
    #[arg(
        long,
        value_name = "FILE",
        env = "NATS_TOKEN_FILE",
        help_heading = "Connection"
    )]
    pub(crate) token_file: Option<PathBuf>,

    /// A file with the seed of an NKey
    #[arg(
        long,
        value_name = "FILE",
        env = "NATS_NKEY",
        help_heading = "Connection"
    )]
    pub(crate) nkey: Option<PathBuf>,

    /// A file with a JWT and the seed of its NKey
    #[arg(
        long,
        value_name = "FILE",
        env = "NATS_CREDS",
        help_heading = "Connection"
    )]
    pub(crate) creds: Option<PathBuf>,

    /// Certificates to trust beside the system's, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "NATS_TLS_CA",
        help_heading = "Connection"
    )]
    pub(crate) tls_ca: Option<PathBuf>,

    /// The client's own certificate, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "NATS_TLS_CERT",
        requires = "tls_key",
        help_heading = "Connection"
    )]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The key of --tls-cert, in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "NATS_TLS_KEY",
        requires = "tls_cert",
        help_heading = "Connection"
    )]
    pub(crate) tls_key: Option<PathBuf>,

    /// Where answers arrive, if the account may not use _INBOX
    #[arg(
        long,
        value_name = "PREFIX",
        env = "NATS_INBOX_PREFIX",
        help_heading = "Connection"
    )]
    pub(crate) inbox_prefix: Option<String>,
}

impl NatsArguments {
    /// The servers, without users, passwords and tokens.
    pub(crate) fn address(&self) -> String {
        without_credentials(self.server.reveal())
    }
}
