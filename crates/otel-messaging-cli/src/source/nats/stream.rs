//! A stream of JetStream, and the way to read it that leaves its consumers alone.

use crate::error::Error;
use crate::report::End;
use crate::source::nats::connection::{Connection, PATIENCE};
use crate::source::nats::{consumer, stored};
use crate::source::scan::Scan;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{RetentionPolicy, Stream};
use async_nats::jetstream::{ErrorCode, new};

pub(crate) async fn look(
    connection: &Connection,
    name: &str,
    subjects: &[String],
    scan: &mut Scan,
) -> Result<End, Error> {
    let stream = open(connection, name).await?;
    let info = stream.cached_info();
    if info.state.messages == 0 {
        scan.progress.set_length(0);
    }
    match info.config.retention {
        RetentionPolicy::Limits => consumer::look(connection, &stream, subjects, scan).await,
        // A consumer of the doctor's own would take part in what is kept.
        RetentionPolicy::WorkQueue | RetentionPolicy::Interest => {
            stored::look(connection, &stream, subjects, scan).await
        }
    }
}

async fn open(connection: &Connection, name: &str) -> Result<Stream, Error> {
    let mut context = new(connection.client.clone());
    context.set_timeout(PATIENCE);
    let address = &connection.address;
    context.get_stream(name).await.map_err(|error| match error.kind() {
        GetStreamErrorKind::EmptyName | GetStreamErrorKind::InvalidStreamName => Error::new(
            format_args!("--stream {name} is not a name that a stream can have"),
        ),
        GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
            Error::new(format_args!(
                "NATS at {address} has no stream {name} in this account: check --stream"
            ))
        }
        GetStreamErrorKind::JetStream(error) => {
            Error::new(format_args!("NATS at {address} refuses the stream {name}: {error}"))
        }
        GetStreamErrorKind::Request => match connection.events().refused {
            Some(refused) => Error::new(format_args!(
                "NATS at {address} does not let this user look at the stream {name}: {refused}"
            )),
            None => Error::new(format_args!(
                "NATS at {address} does not answer for the stream {name}: check that JetStream is on for this account"
            )),
        },
    })
}
