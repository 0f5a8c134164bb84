//! What kind an exchange or a queue is. AMQP has no question for that, but RabbitMQ tells it when it refuses.

use crate::error::Error;
use crate::source::rabbitmq::connection::{Connection, soft, text};
use lapin::ExchangeKind;
use lapin::options::{BasicConsumeOptions, ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::protocol::AMQPSoftError;
use lapin::types::{AMQPValue, FieldTable, ShortString};

/// The kind of an exchange that exists, such as `topic`; `None` if this user cannot be told.
///
/// To declare it anew as another kind changes nothing, and is refused with the kind that it has.
pub(crate) async fn of_exchange(
    connection: &Connection,
    exchange: &ShortString,
) -> Result<Option<String>, Error> {
    let channel = connection.channel().await?;
    let options = ExchangeDeclareOptions {
        // Should the exchange have gone in the meantime, the new one goes with the doctor's queue.
        auto_delete: true,
        ..ExchangeDeclareOptions::default()
    };
    let declared = channel.exchange_declare(
        exchange.clone(),
        ExchangeKind::Direct,
        options,
        FieldTable::default(),
    );
    let Err(refused) = connection.answer(declared).await? else {
        return Ok(Some("direct".to_owned()));
    };
    if soft(&refused) != Some(&AMQPSoftError::PRECONDITIONFAILED) {
        return Ok(None);
    }
    let text = text(&refused);
    if !text.contains("'type'") {
        // The kind is the first that RabbitMQ compares.
        return Ok(Some("direct".to_owned()));
    }
    let kind = text.split("current is '").nth(1);
    let kind = kind.and_then(|rest| rest.split('\'').next());
    Ok(kind.map(str::to_owned))
}

/// Whether a queue that exists is a stream. Streams refuse a consumer's priority, and the others refuse one
/// that is not a number, so nothing is ever delivered.
pub(crate) async fn is_stream(connection: &Connection, queue: &ShortString) -> Result<bool, Error> {
    let channel = connection.channel().await?;
    let mut arguments = FieldTable::default();
    let none = AMQPValue::LongString("none".into());
    arguments.insert("x-priority".into(), none);
    let options = BasicConsumeOptions::default();
    let consumed = channel.basic_consume(queue.clone(), ShortString::default(), options, arguments);
    match connection.answer(consumed).await? {
        Ok(_) => Ok(false),
        Err(error) if soft(&error) == Some(&AMQPSoftError::PRECONDITIONFAILED) => {
            Ok(text(&error).contains("rabbit_stream_queue"))
        }
        Err(error) => Err(connection.failure_of("stream", "--stream", queue.as_str(), &error)),
    }
}

/// Whether a delivery that is given back leaves no trace but the flag of a redelivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueKind {
    Classic,
    /// A quorum queue, which counts deliveries and has a limit of them, or a stream.
    Other,
    /// RabbitMQ refused for another reason.
    Unknown,
}

/// The kind of a queue that exists.
///
/// To declare it anew as a classic one changes nothing. RabbitMQ refuses by the first difference that it
/// finds, and only a classic queue is not durable or deletes itself.
pub(crate) async fn of_queue(
    connection: &Connection,
    queue: &ShortString,
) -> Result<QueueKind, Error> {
    let channel = connection.channel().await?;
    let mut arguments = FieldTable::default();
    let classic = AMQPValue::LongString("classic".into());
    arguments.insert("x-queue-type".into(), classic);
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(queue.clone(), options, arguments);
    let Err(refused) = connection.answer(declared).await? else {
        return Ok(QueueKind::Classic);
    };
    if soft(&refused) != Some(&AMQPSoftError::PRECONDITIONFAILED) {
        return Ok(QueueKind::Unknown);
    }
    let text = text(&refused);
    let differs = |field: &str| text.contains(&format!("inequivalent arg '{field}'"));
    Ok(if differs("durable") || differs("auto_delete") {
        QueueKind::Classic
    } else if differs("x-queue-type") {
        QueueKind::Other
    } else {
        QueueKind::Unknown
    })
}
