//! Messages of RabbitMQ: of an exchange, a stream, or a classic queue.

mod connection;
mod consumer;
mod exchange;
mod kind;
mod message;
mod queue;
mod stream;

use crate::arguments::rabbitmq::RabbitMqArguments;
use crate::error::Error;
use crate::report::End;
use crate::source::rabbitmq::connection::Connection;
use crate::source::scan::Scan;

/// Hands every message that was asked for to the scan.
pub(crate) async fn look(arguments: &RabbitMqArguments, scan: &mut Scan) -> Result<End, Error> {
    if let Some(queue) = &arguments.queue {
        queue::check(queue, arguments.requeue, &scan.bounds)?;
    }
    let stop = scan.stop.clone();
    let opened = tokio::select! {
        opened = Connection::open(arguments) => opened?,
        () = stop.cancelled() => return Ok(End::Interrupted),
    };
    let looked = match (&arguments.exchange, &arguments.stream, &arguments.queue) {
        (Some(exchange), ..) => exchange::look(&opened, exchange, arguments, scan).await,
        (_, Some(stream), _) => stream::look(&opened, stream, scan).await,
        (.., Some(queue)) => queue::look(&opened, queue, scan).await,
        _ => Err(Error::new("give one of --exchange, --stream and --queue")),
    };
    opened.close().await;
    looked
}
