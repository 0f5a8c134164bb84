//! A stream, which gives its messages to any number of readers and keeps them.

use crate::error::Error;
use crate::message::Place;
use crate::report::End;
use crate::source::bounds::From;
use crate::source::rabbitmq::connection::Connection;
use crate::source::rabbitmq::consumer::{Acknowledging, Next};
use crate::source::rabbitmq::kind;
use crate::source::rabbitmq::message::{seen, stream_offset};
use crate::source::scan::Scan;
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use std::time::{Duration, Instant, SystemTime};

/// After so long without a delivery there is no more: messages of a stream come without a pause.
const SILENCE: Duration = Duration::from_secs(2);

/// How long the search for the newest message goes on, on a stream that grows.
const SEARCH: Duration = Duration::from_secs(3);

pub(crate) async fn look(
    connection: &Connection,
    stream: &str,
    scan: &mut Scan,
) -> Result<End, Error> {
    let name = ShortString::try_new(stream)
        .map_err(|_| Error::new(format_args!("--stream {stream} is longer than 255 bytes")))?;
    check(connection, &name).await?;
    let last = AMQPValue::LongString("last".into());
    let newest = match newest(connection, &name, last, scan).await? {
        Some(newest) => newest,
        None if scan.stop.is_cancelled() => return Ok(End::Interrupted),
        None => return listen(connection, &name, None, scan).await,
    };
    let (from, start) = match scan.bounds.from {
        From::Last(count) => {
            let start = (newest + 1).saturating_sub(count);
            (number(start), start)
        }
        From::Time(time) => {
            scan.notes.push(format!(
                "the stream {stream} was read from the beginning of a chunk on, as RabbitMQ gives it: some of the \
                 messages may be older than --since"
            ));
            (AMQPValue::Timestamp(seconds(time)), 0)
        }
    };
    if let From::Last(count) = scan.bounds.from {
        scan.progress
            .set_length(count.min(newest + 1).min(scan.bounds.max));
    }
    let mut consumer = attach(connection, &name, from).await?;
    loop {
        match consumer.next(connection, &scan.stop, SILENCE).await? {
            Next::Interrupted => return Ok(End::Interrupted),
            Next::Silence => break,
            Next::Delivery(delivery) => {
                let Some(offset) = stream_offset(&delivery) else {
                    return Err(not_a_stream(stream));
                };
                if offset > newest {
                    break;
                }
                // Deliveries begin with the chunk that the first message is in.
                if offset >= start
                    && let Some(end) = seen(&delivery, Place::Sequence(offset), scan)
                {
                    return Ok(end);
                }
                if offset == newest {
                    break;
                }
            }
        }
    }
    let _ = consumer.channel.close(200, "OK".into()).await;
    listen(connection, &name, Some(newest + 1), scan).await
}

/// Takes what comes from this offset on, if that was asked for.
async fn listen(
    connection: &Connection,
    stream: &ShortString,
    from: Option<u64>,
    scan: &mut Scan,
) -> Result<End, Error> {
    let Some(time) = scan.bounds.listen_for else {
        return Ok(End::Complete);
    };
    let from = from.map_or_else(|| AMQPValue::LongString("first".into()), number);
    let mut consumer = attach(connection, stream, from).await?;
    scan.progress.unset_length();
    let until = Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(End::Time);
        }
        match consumer.next(connection, &scan.stop, left).await? {
            Next::Silence => return Ok(End::Time),
            Next::Interrupted => return Ok(End::Interrupted),
            Next::Delivery(delivery) => {
                let Some(offset) = stream_offset(&delivery) else {
                    return Err(not_a_stream(stream.as_str()));
                };
                if let Some(end) = seen(&delivery, Place::Sequence(offset), scan) {
                    return Ok(end);
                }
            }
        }
    }
}

async fn check(connection: &Connection, stream: &ShortString) -> Result<(), Error> {
    let channel = connection.channel().await?;
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(stream.clone(), options, FieldTable::default());
    let declared = connection.answer(declared).await?;
    declared
        .map_err(|error| connection.failure_of("stream", "--stream", stream.as_str(), &error))?;
    // A reader of a stream acknowledges; a consumer of another queue would take messages away by that.
    if kind::is_stream(connection, stream).await? {
        return Ok(());
    }
    Err(not_a_stream(stream.as_str()))
}

fn not_a_stream(stream: &str) -> Error {
    Error::new(format_args!(
        "{stream} is a queue and not a stream: look at its exchange with --exchange, or use --queue"
    ))
}

/// The offset of the newest message: that of the last delivery from the last chunk on.
async fn newest(
    connection: &Connection,
    stream: &ShortString,
    last: AMQPValue,
    scan: &Scan,
) -> Result<Option<u64>, Error> {
    let mut consumer = attach(connection, stream, last).await?;
    let until = Instant::now() + SEARCH;
    let mut newest = None;
    let mut patience = SILENCE;
    while Instant::now() < until {
        match consumer.next(connection, &scan.stop, patience).await? {
            Next::Silence => break,
            Next::Interrupted => return Ok(None),
            Next::Delivery(delivery) => {
                let Some(offset) = stream_offset(&delivery) else {
                    return Err(not_a_stream(stream.as_str()));
                };
                newest = Some(offset);
                // The rest of the chunk follows on its heels.
                patience = SILENCE / 4;
            }
        }
    }
    let _ = consumer.channel.close(200, "OK".into()).await;
    Ok(newest)
}

async fn attach(
    connection: &Connection,
    stream: &ShortString,
    offset: AMQPValue,
) -> Result<Acknowledging, Error> {
    let channel = connection.channel().await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-stream-offset".into(), offset);
    let consuming = Acknowledging::of(channel, stream.clone(), arguments);
    let consuming = connection.answer(consuming).await?;
    consuming.map_err(|error| connection.failure_of("stream", "--stream", stream.as_str(), &error))
}

fn number(offset: u64) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(offset).unwrap_or(i64::MAX))
}

/// Since 1970, as RabbitMQ counts.
fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
