//! A classic queue: its messages are taken out without an acknowledgement, and given back.

use crate::error::Error;
use crate::message::Place;
use crate::report::End;
use crate::source::bounds::{Bounds, From};
use crate::source::rabbitmq::connection::{Connection, hard, text};
use crate::source::rabbitmq::consumer::{Next, next};
use crate::source::rabbitmq::kind::{self, QueueKind};
use crate::source::rabbitmq::message::seen;
use crate::source::scan::Scan;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::protocol::AMQPHardError;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Consumer};
use std::time::Duration;

/// Consumers may have been faster. Messages that wait come without a pause.
const SILENCE: Duration = Duration::from_secs(1);

/// Below every consumer of the queue: the doctor gets what they have no room for.
const PRIORITY: i32 = -1000;

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
    let kind = kind::of_queue(connection, &name).await?;
    if kind == QueueKind::Other
        || kind == QueueKind::Unknown && kind::is_stream(connection, &name).await?
    {
        return Err(not_classic(&name));
    }
    let From::Last(last) = scan.bounds.from else {
        return Ok(End::Complete);
    };
    let ready = u64::from(declared.message_count());
    let asked = ready.min(last).min(scan.bounds.max);
    // It cannot count further what is out.
    let count = u16::try_from(asked).unwrap_or(u16::MAX);
    if u64::from(count) < asked {
        scan.notes.push(format!(
            "only the first {count} messages of the queue {queue} were looked at: no more can be taken out at once"
        ));
    }
    scan.progress.set_length(u64::from(count));
    if count == 0 {
        return Ok(End::Complete);
    }
    let (channel, mut consumer) = take(connection, &name, kind, count).await?;
    let looked = see_each(connection, &mut consumer, count, scan).await;
    // Gives back everything that is out, each message to its place.
    let closed = connection.answer(channel.close(200, "OK".into())).await?;
    let end = looked?;
    closed.map_err(|error| connection.failure(&error))?;
    Ok(end)
}

/// Starts to take messages out, so many at most, and only out of a classic queue.
///
/// A limit of the whole channel is refused by quorum queues, before they deliver anything. RabbitMQ
/// 4.3 and later may refuse it for all queues, so it is asked for only if the queue's kind is not known.
async fn take(
    connection: &Connection,
    queue: &ShortString,
    kind: QueueKind,
    count: u16,
) -> Result<(Channel, Consumer), Error> {
    let channel = connection.channel().await?;
    let options = BasicQosOptions {
        global: kind == QueueKind::Unknown,
    };
    let limited = connection.answer(channel.basic_qos(count, options)).await?;
    limited.map_err(|error| {
        Error::new(format_args!(
            "RabbitMQ at {} does not tell whether {queue} is a classic queue, so --queue does not touch it: look \
             at its exchange with --exchange ({})",
            connection.address,
            text(&error)
        ))
    })?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-priority".into(), AMQPValue::LongInt(PRIORITY));
    let options = BasicConsumeOptions::default();
    let consumed = channel.basic_consume(queue.clone(), ShortString::default(), options, arguments);
    match connection.answer(consumed).await? {
        Ok(consumer) => Ok((channel, consumer)),
        Err(error) if hard(&error) == Some(&AMQPHardError::NOTIMPLEMENTED) => {
            Err(not_classic(queue))
        }
        Err(error) => Err(connection.failure_of("queue", "--queue", queue.as_str(), &error)),
    }
}

fn not_classic(queue: &ShortString) -> Error {
    Error::new(format_args!(
        "{queue} is a quorum queue or a stream, and --queue works with classic queues only: a quorum queue counts \
         each delivery, and beyond its limit it drops the message. Look at its exchange with --exchange, or at a \
         stream with --stream"
    ))
}

/// Sees what was taken out.
async fn see_each(
    connection: &Connection,
    consumer: &mut Consumer,
    count: u16,
    scan: &mut Scan,
) -> Result<End, Error> {
    for nth in 1..=count {
        match next(consumer, connection, &scan.stop, SILENCE).await? {
            Next::Interrupted => return Ok(End::Interrupted),
            Next::Silence => {
                scan.notes.push(format!(
                    "{} messages waited, and {} of them were looked at: consumers took the others, or the queue \
                     has one active consumer at a time",
                    count,
                    nth - 1
                ));
                return Ok(End::Complete);
            }
            Next::Delivery(delivery) => {
                if let Some(end) = seen(&delivery, Place::Nth(nth.into()), scan) {
                    return Ok(end);
                }
            }
        }
    }
    Ok(End::Complete)
}
