//! A classic queue: its messages are taken out without an acknowledgement, and given back.

use crate::error::Error;
use crate::message::Place;
use crate::report::End;
use crate::source::bounds::{Bounds, From};
use crate::source::rabbitmq::connection::Connection;
use crate::source::rabbitmq::kind::{self, QueueKind};
use crate::source::rabbitmq::message::seen;
use crate::source::scan::Scan;
use lapin::Channel;
use lapin::options::{BasicGetOptions, QueueDeclareOptions};
use lapin::types::{FieldTable, ShortString};

/// Checks what the command line asks for, before anything is done.
pub(crate) fn check(queue: &str, requeue: bool, bounds: &Bounds) -> Result<(), Error> {
    if !requeue {
        return Err(Error::new(format_args!(
            "--queue {queue} needs --requeue: to look into a queue is to take messages out and give them back; \
             meanwhile its consumers do not get them, they are flagged as redelivered then, and with several \
             consumers their order may change. To disturb nobody, look at the exchange that the messages come \
             from, with --exchange"
        )));
    }
    if bounds.listen_for.is_some() || matches!(bounds.from, From::Time(_)) {
        return Err(Error::new(
            "--for and --since cannot be used with --queue: the doctor takes messages out for a moment only; use \
             --last",
        ));
    }
    Ok(())
}

pub(crate) async fn look(
    connection: &Connection,
    queue: &str,
    scan: &mut Scan,
) -> Result<End, Error> {
    let name = ShortString::try_new(queue)
        .map_err(|_| Error::new(format_args!("--queue {queue} is longer than 255 bytes")))?;
    let channel = connection.channel().await?;
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(name.clone(), options, FieldTable::default());
    let declared = connection.answer(declared).await?;
    let declared =
        declared.map_err(|error| connection.failure_of("queue", "--queue", queue, &error))?;
    // Before the count, which a quorum queue and a stream tell late.
    match kind::of_queue(connection, &name).await? {
        QueueKind::Classic => {}
        QueueKind::Stream | QueueKind::Other => return Err(not_classic(&name)),
        QueueKind::Unknown => {
            return Err(Error::new(format_args!(
                "RabbitMQ at {} does not tell this user whether {name} is a classic queue, so --queue does not \
                 touch it: grant the user to configure {name}, or look at its exchange with --exchange",
                connection.address
            )));
        }
    }
    let From::Last(last) = scan.bounds.from else {
        return Ok(End::Complete);
    };
    let ready = u64::from(declared.message_count());
    let count = ready.min(last).min(scan.bounds.max);
    scan.progress.set_length(count);
    // Of its own: when it closes, everything that is out is given back, each message to its place.
    let channel = connection.channel().await?;
    let looked = see_each(connection, &channel, &name, count, scan).await;
    let closed = connection.answer(channel.close(200, "OK".into())).await?;
    let end = looked?;
    closed.map_err(|error| connection.failure(&error))?;
    Ok(end)
}

fn not_classic(queue: &ShortString) -> Error {
    Error::new(format_args!(
        "{queue} is a quorum queue or a stream, and --queue works with classic queues only: a quorum queue counts \
         each delivery, and beyond its limit it drops the message. Look at its exchange with --exchange, or at a \
         stream with --stream"
    ))
}

/// Takes messages out, one by one, and sees them.
///
/// Not by a consumer: a queue that deletes itself would go with its last one, and of a queue with one active
/// consumer at a time the doctor could become that.
async fn see_each(
    connection: &Connection,
    channel: &Channel,
    queue: &ShortString,
    count: u64,
    scan: &mut Scan,
) -> Result<End, Error> {
    for nth in 1..=count {
        // An answer under way is waited for: the close that follows gives its message back.
        let got = channel.basic_get(queue.clone(), BasicGetOptions { no_ack: false });
        let got = connection
            .answer(got)
            .await?
            .map_err(|error| connection.failure_of("queue", "--queue", queue.as_str(), &error))?;
        let Some(message) = got else {
            scan.notes.push(format!(
                "{count} messages waited, and {} of them were looked at: consumers took the others",
                nth - 1
            ));
            return Ok(End::Complete);
        };
        if let Some(end) = seen(&message, Place::Nth(nth), scan) {
            return Ok(end);
        }
    }
    Ok(End::Complete)
}
