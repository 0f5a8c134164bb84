//! A connection, and what its failures mean.

use crate::arguments::nats::NatsArguments;
use crate::arguments::secret::{Secret, can_be_read, read};
use crate::error::Error;
use async_nats::{ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// How long a server may take for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long all servers together may take.
const ALL: Duration = Duration::from_secs(10);

/// How many messages wait at most for the doctor. Beyond that the client drops the newest.
const WAITING: usize = 4096;

pub(crate) struct Connection {
    pub(crate) client: async_nats::Client,
    pub(crate) address: String,
    events: Arc<Mutex<Events>>,
}

/// What the client says on the side.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    /// Messages that were dropped because the doctor was too slow: at least so many.
    pub(crate) dropped: u64,
    pub(crate) disconnected: u64,
    /// What the server refused, such as a subscription.
    pub(crate) refused: Option<String>,
}

impl Events {
    fn take(&mut self, event: Event) {
        match event {
            Event::SlowConsumer(_) => self.dropped += 1,
            Event::Disconnected => self.disconnected += 1,
            Event::ServerError(error) => self.refused = Some(error.to_string()),
            _ => {}
        }
    }
}

impl Connection {
    pub(crate) async fn open(arguments: &NatsArguments) -> Result<Self, Error> {
        let address = arguments.address();
        let servers = servers(arguments, &address)?;
        let events = Arc::new(Mutex::new(Events::default()));
        let heard = Arc::clone(&events);
        let options = options(arguments)?
            .name("otel-messaging doctor")
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .subscription_capacity(WAITING)
            .event_callback(move |event| {
                heard
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take(event);
                std::future::ready(())
            });
        match timeout(ALL, options.connect(servers)).await {
            Ok(Ok(client)) => Ok(Self {
                client,
                address,
                events,
            }),
            Ok(Err(error)) => Err(not_opened(&address, &error)),
            Err(_) => Err(silent(&address)),
        }
    }

    pub(crate) fn events(&self) -> Events {
        let events = self.events.lock();
        events.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the server or the client said, with the address.
    pub(crate) fn failure(&self, error: &dyn std::error::Error) -> Error {
        Error::new(format_args!("NATS at {}: {}", self.address, text(error)))
    }
}

fn servers(arguments: &NatsArguments, address: &str) -> Result<Vec<ServerAddr>, Error> {
    let servers = arguments
        .server
        .reveal()
        .split(',')
        .map(|url| url.trim().parse());
    // The error may repeat the URL, and that may have a password in it.
    servers.collect::<Result<_, _>>().map_err(|_| {
        Error::new(format_args!(
            "--server {address} is not nats://HOST:PORT, tls://HOST:PORT, ws:// or wss://"
        ))
    })
}

fn options(arguments: &NatsArguments) -> Result<ConnectOptions, Error> {
    let mut options = ConnectOptions::new();
    let password = Secret::chosen(
        "--password-file",
        arguments.password_file.as_deref(),
        arguments.password.as_ref(),
    )?;
    if let Some(user) = &arguments.user {
        let password = password.ok_or_else(|| {
            Error::new("--user wants a password: set NATS_PASSWORD or give --password-file")
        })?;
        options = options.user_and_password(user.clone(), password.reveal().to_owned());
    }
    let token = Secret::chosen(
        "--token-file",
        arguments.token_file.as_deref(),
        arguments.token.as_ref(),
    )?;
    if let Some(token) = token {
        options = options.token(token.reveal().to_owned());
    }
    if let Some(file) = &arguments.nkey {
        let seed = Secret::from_file("--nkey", file)?;
        options = options.nkey(seed.reveal().trim().to_owned());
    }
    if let Some(file) = &arguments.creds {
        // The error says what is missing, and repeats nothing.
        options = options
            .credentials(&read("--creds", file)?)
            .map_err(|error| {
                Error::new(format_args!(
                    "--creds {} has no JWT and seed of a user: {error}",
                    file.display()
                ))
            })?;
    }
    if let Some(prefix) = &arguments.inbox_prefix {
        // The client panics on these.
        if prefix.is_empty() || prefix.ends_with('.') || prefix.contains(['*', '>', ' ']) {
            return Err(Error::new(format_args!(
                "--inbox-prefix {prefix} is not the beginning of a subject, such as _INBOX_doctor"
            )));
        }
        options = options.custom_inbox_prefix(prefix);
    }
    with_tls(options, arguments)
}

fn with_tls(
    mut options: ConnectOptions,
    arguments: &NatsArguments,
) -> Result<ConnectOptions, Error> {
    let check = |option: &str, file: &Path| can_be_read(option, file).map(|()| file.to_owned());
    if let Some(file) = &arguments.tls_ca {
        options = options
            .add_root_certificates(check("--tls-ca", file)?)
            .require_tls(true);
    }
    if let (Some(cert), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        let (cert, key) = (check("--tls-cert", cert)?, check("--tls-key", key)?);
        options = options.add_client_certificate(cert, key).require_tls(true);
    }
    Ok(options)
}

fn not_opened(address: &str, error: &ConnectError) -> Error {
    let kind = if is_tls(error) {
        ConnectErrorKind::Tls
    } else {
        error.kind()
    };
    let advice = match kind {
        ConnectErrorKind::ServerParse => "is not an address: check --server",
        ConnectErrorKind::Dns => "has an unknown host: check --server",
        ConnectErrorKind::Authentication => {
            "cannot be logged in to: check the seed in --nkey or --creds"
        }
        ConnectErrorKind::AuthorizationViolation => {
            "refuses the login: check --user and the password, the token, --nkey or --creds"
        }
        ConnectErrorKind::TimedOut => return silent(address),
        ConnectErrorKind::Tls => {
            "cannot be reached with TLS: check --tls-ca, --tls-cert, and whether the server speaks TLS"
        }
        ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => {
            "cannot be reached: check --server, and whether it wants TLS"
        }
    };
    Error::new(format_args!("NATS at {address} {advice} ({})", text(error)))
}

/// The TLS library's errors come as those of the connection.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if error.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn silent(address: &str) -> Error {
    Error::new(format_args!(
        "NATS at {address} does not answer: check --server and its port"
    ))
}

/// The deepest cause says most.
fn text(error: &dyn std::error::Error) -> String {
    let (mut cause, mut texts) = (Some(error), Vec::new());
    while let Some(error) = cause {
        let text = error.to_string();
        // Many repeat what is below them.
        if !texts.iter().any(|known: &String| known.contains(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    texts.join(": ")
}
