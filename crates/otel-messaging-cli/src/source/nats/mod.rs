//! Messages of NATS: of subjects, while the doctor listens, or of a stream.

mod connection;
mod consumer;
mod message;
mod stored;
mod stream;
mod subjects;

use crate::arguments::nats::NatsArguments;
use crate::error::Error;
use crate::report::End;
use crate::source::nats::connection::Connection;
use crate::source::scan::Scan;

/// Hands every message that was asked for to the scan.
pub(crate) async fn look(arguments: &NatsArguments, scan: &mut Scan) -> Result<End, Error> {
    let stop = scan.stop.clone();
    // Nothing has to be given back, so a look may end anywhere.
    tokio::select! {
        end = look_at(arguments, scan) => end,
        () = stop.cancelled() => Ok(End::Interrupted),
    }
}

async fn look_at(arguments: &NatsArguments, scan: &mut Scan) -> Result<End, Error> {
    let connection = Connection::open(arguments).await?;
    match &arguments.stream {
        Some(stream) => stream::look(&connection, stream, &arguments.subject, scan).await,
        None => subjects::look(&connection, &arguments.subject, scan).await,
    }
}
