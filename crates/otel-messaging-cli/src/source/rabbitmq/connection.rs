//! A connection, and what its failures mean.

use crate::arguments::rabbitmq::RabbitMqArguments;
use crate::arguments::secret::{Secret, read};
use crate::error::Error;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, ConnectionProperties, ErrorKind};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// How long the broker may take for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a good-bye may take: the broker cleans up without it, too.
const FAREWELL: Duration = Duration::from_millis(500);

pub(crate) struct Connection {
    connection: lapin::Connection,
    pub(crate) address: String,
}

impl Connection {
    pub(crate) async fn open(arguments: &RabbitMqArguments) -> Result<Self, Error> {
        let address = arguments.address();
        let uri = uri(arguments, &address)?;
        let properties =
            ConnectionProperties::default().with_connection_name("otel-messaging doctor".into());
        let runtime = lapin::runtime::default_runtime()
            .map_err(|error| Error::new(format_args!("RabbitMQ's client: {error}")))?;
        let tls = tls(arguments, &uri.scheme)?;
        let opened = lapin::Connection::connect_uri_with_config(uri, properties, tls, runtime);
        match timeout(PATIENCE, opened).await {
            Ok(Ok(connection)) => Ok(Self {
                connection,
                address,
            }),
            Ok(Err(error)) => Err(not_opened(&address, &error)),
            Err(_) => Err(Error::new(format_args!(
                "RabbitMQ at {address} does not answer: check --url, its port, and whether it is amqps://"
            ))),
        }
    }

    pub(crate) async fn channel(&self) -> Result<Channel, Error> {
        let created = self.answer(self.connection.create_channel()).await?;
        created.map_err(|error| self.failure(&error))
    }

    /// Waits for the broker, but not for ever.
    pub(crate) async fn answer<T>(&self, question: impl Future<Output = T>) -> Result<T, Error> {
        timeout(PATIENCE, question).await.map_err(|_| {
            Error::new(format_args!(
                "RabbitMQ at {} does not answer any more",
                self.address
            ))
        })
    }

    /// What the broker said, with its address.
    pub(crate) fn failure(&self, error: &lapin::Error) -> Error {
        Error::new(format_args!(
            "RabbitMQ at {}: {}",
            self.address,
            text(error)
        ))
    }

    /// The failure of an operation on something that has a name.
    pub(crate) fn failure_of(
        &self,
        what: &str,
        option: &str,
        name: &str,
        error: &lapin::Error,
    ) -> Error {
        let address = &self.address;
        match soft(error) {
            Some(AMQPSoftError::NOTFOUND) => Error::new(format_args!(
                "RabbitMQ at {address} has no {what} {name}: check {option}, and the vhost at the end of --url"
            )),
            Some(AMQPSoftError::ACCESSREFUSED) => Error::new(format_args!(
                "RabbitMQ at {address} does not let this user look at the {what} {name}: {}",
                text(error)
            )),
            Some(AMQPSoftError::RESOURCELOCKED) => Error::new(format_args!(
                "the {what} {name} at {address} belongs to another connection alone, so the doctor cannot read it: \
                 use --exchange"
            )),
            _ => self.failure(error),
        }
    }

    pub(crate) async fn close(&self) {
        let _ = timeout(FAREWELL, self.connection.close(200, "OK".into())).await;
    }
}

fn uri(arguments: &RabbitMqArguments, address: &str) -> Result<AMQPUri, Error> {
    // The parser repeats no part of the URL but its scheme.
    let mut uri: AMQPUri = arguments.url.reveal().parse().map_err(|error: String| {
        Error::new(format_args!(
            "--url {address} is not amqp://USER:PASSWORD@HOST:PORT/VHOST or amqps://…: {error}"
        ))
    })?;
    if let Some(user) = &arguments.user {
        uri.authority.userinfo.username.clone_from(user);
    }
    let password = Secret::chosen(
        "--password-file",
        arguments.password_file.as_deref(),
        arguments.password.as_ref(),
    )?;
    if let Some(password) = password {
        uri.authority.userinfo.password = password.reveal().to_owned();
    }
    Ok(uri)
}

fn tls(arguments: &RabbitMqArguments, scheme: &AMQPScheme) -> Result<OwnedTLSConfig, Error> {
    // Without TLS the client would connect in plain text, and ignore them.
    let encrypted = *scheme == AMQPScheme::AMQPS;
    let file = |option: &str, path: Option<&Path>| match path {
        Some(_) if !encrypted => Err(Error::new(format_args!(
            "{option} wants an address with amqps://, and --url is {}",
            arguments.address()
        ))),
        path => path.map(|path| read(option, path)).transpose(),
    };
    let cert_chain = file("--tls-ca", arguments.tls_ca.as_deref())?;
    let cert = file("--tls-cert", arguments.tls_cert.as_deref())?;
    let key = file("--tls-key", arguments.tls_key.as_deref())?;
    let identity = cert.zip(key).map(|(cert, key)| OwnedIdentity::PKCS8 {
        pem: cert.into_bytes(),
        key: key.into_bytes(),
    });
    Ok(OwnedTLSConfig {
        identity,
        cert_chain,
    })
}

fn not_opened(address: &str, error: &lapin::Error) -> Error {
    // The client's own words are about its parser.
    if matches!(
        error.kind(),
        ErrorKind::ParsingError(_) | ErrorKind::InvalidProtocolVersion(_)
    ) {
        return Error::new(format_args!(
            "what listens at {address} does not speak AMQP 0.9.1, or ended the connection: check the host and the \
             port of --url, and whether it is amqps://"
        ));
    }
    let text = text(error);
    let advice = match error.kind() {
        ErrorKind::ProtocolError(said) => match said.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => {
                "refuses the login: check the user and the password of --url, or --user and --password-file"
            }
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                "does not let this user in: check the vhost at the end of --url"
            }
            _ => "refuses the connection",
        },
        ErrorKind::IOError(error) if is_tls(error) => {
            "cannot be reached with TLS: check --tls-ca, --tls-cert, and whether the port speaks TLS"
        }
        ErrorKind::IOError(_) => {
            "cannot be reached: check the host and the port of --url, and whether it is amqps://"
        }
        _ => "gives no connection: check --url, and whether it is amqps://",
    };
    Error::new(format_args!("RabbitMQ at {address} {advice} ({text})"))
}

/// The TLS library's errors come as those of the connection.
fn is_tls(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>())
}

/// What the broker said, without the client's words around it.
pub(crate) fn text(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(said) => said.get_message().to_string(),
        ErrorKind::IOError(error) => error.to_string(),
        ErrorKind::ParsingError(_) => {
            "it does not speak AMQP 0.9.1, or ended the connection".to_owned()
        }
        _ => error.to_string(),
    }
}

/// The error of a channel.
pub(crate) fn soft(error: &lapin::Error) -> Option<&AMQPSoftError> {
    match error.kind() {
        ErrorKind::ProtocolError(said) => match said.kind() {
            AMQPErrorKind::Soft(soft) => Some(soft),
            AMQPErrorKind::Hard(_) => None,
        },
        _ => None,
    }
}
