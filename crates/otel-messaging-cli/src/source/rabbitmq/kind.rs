//! What kind an exchange or a queue is. AMQP has no question for that, but RabbitMQ tells it when it refuses.

use crate::error::Error;
use crate::source::rabbitmq::connection::{Connection, soft, text};
use lapin::ExchangeKind;
use lapin::options::{BasicConsumeOptions, ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::protocol::AMQPSoftError;
use lapin::types::{AMQPValue, FieldTable, ShortString};

/// The argument that names an exchange's alternate exchange.
const ALTERNATE: &str = "alternate-exchange";

/// What a queue that is bound to an exchange, and goes again, depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// Such as `topic`.
    pub(crate) kind: String,
    /// It is deleted with its last binding.
    pub(crate) auto_delete: bool,
    /// It gives what no queue takes to another exchange.
    pub(crate) alternate: bool,
}

/// What an exchange that exists is; `None` if this user is not told.
///
/// It is declared anew with an alternate exchange of a type that none can have. So RabbitMQ never declares
/// one, should it have gone in the meantime, and refuses by the first difference that it finds: the type, whether
/// it is durable, whether it deletes itself, whether it is internal, and then the alternate exchange.
pub(crate) async fn of_exchange(
    connection: &Connection,
    exchange: &ShortString,
) -> Result<Option<Exchange>, Error> {
    let mut kind = "direct".to_owned();
    let mut options = ExchangeDeclareOptions::default();
    // One try for each difference.
    for _ in 0..5 {
        let channel = connection.channel().await?;
        let mut arguments = FieldTable::default();
        arguments.insert(ALTERNATE.into(), AMQPValue::LongInt(0));
        let asked = ExchangeKind::Custom(kind.clone());
        let declared = channel.exchange_declare(exchange.clone(), asked, options, arguments);
        let Err(refused) = connection.answer(declared).await? else {
            return Ok(None);
        };
        if soft(&refused) != Some(&AMQPSoftError::PRECONDITIONFAILED) {
            return Ok(None);
        }
        match difference(&text(&refused)) {
            Some(Difference::Kind(found)) => kind = found,
            Some(Difference::Durable) => options.durable = true,
            Some(Difference::AutoDelete) => options.auto_delete = true,
            Some(Difference::Internal) => options.internal = true,
            Some(Difference::Alternate(alternate)) => {
                return Ok(Some(Exchange {
                    kind,
                    auto_delete: options.auto_delete,
                    alternate,
                }));
            }
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// In what an exchange is not what it was declared as.
#[derive(Debug, PartialEq, Eq)]
enum Difference {
    /// It is of this one.
    Kind(String),
    Durable,
    AutoDelete,
    Internal,
    /// Whether it has one.
    Alternate(bool),
}

/// Reads `… inequivalent arg 'type' for exchange 'shop' in vhost '/': received 'direct' but current is 'topic'`.
fn difference(refusal: &str) -> Option<Difference> {
    let (_, rest) = refusal.split_once("inequivalent arg '")?;
    let (field, rest) = rest.split_once('\'')?;
    // A name may have such words in it; the end is RabbitMQ's.
    let (_, current) = rest.rsplit_once(" but current is ")?;
    match field {
        "type" => {
            let kind = current.strip_prefix('\'')?.split('\'').next()?;
            Some(Difference::Kind(kind.to_owned()))
        }
        "durable" => Some(Difference::Durable),
        "auto_delete" => Some(Difference::AutoDelete),
        "internal" => Some(Difference::Internal),
        ALTERNATE => Some(Difference::Alternate(!current.starts_with("none"))),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueKind {
    /// What is given back to it has no trace but the flag of a redelivery.
    Classic,
    Stream,
    /// A quorum queue, which counts deliveries and has a limit of them, or what else there may be.
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
    if differs("durable") || differs("auto_delete") {
        return Ok(QueueKind::Classic);
    }
    of_durable_queue(connection, queue).await
}

/// The kind of a queue that a consumer's end does not delete.
///
/// It is asked for a consumer with two arguments: streams refuse the first, and the others the second. So
/// none is ever there, and RabbitMQ says whose argument it is not.
async fn of_durable_queue(
    connection: &Connection,
    queue: &ShortString,
) -> Result<QueueKind, Error> {
    let priority = AMQPValue::LongInt(0);
    let mut arguments = FieldTable::default();
    arguments.insert("x-priority".into(), priority);
    let next = AMQPValue::LongString("next".into());
    arguments.insert("x-stream-offset".into(), next);
    asked(connection, "--queue", queue, arguments).await
}

/// Whether a queue that exists is a stream. Streams refuse a consumer's priority, and the others refuse one
/// that is not a number, so nothing is ever delivered.
pub(crate) async fn is_stream(connection: &Connection, queue: &ShortString) -> Result<bool, Error> {
    let mut arguments = FieldTable::default();
    let none = AMQPValue::LongString("none".into());
    arguments.insert("x-priority".into(), none);
    let kind = asked(connection, "--stream", queue, arguments).await?;
    Ok(kind == QueueKind::Stream)
}

/// What RabbitMQ tells when it refuses a consumer with these arguments.
async fn asked(
    connection: &Connection,
    option: &str,
    queue: &ShortString,
    arguments: FieldTable,
) -> Result<QueueKind, Error> {
    let channel = connection.channel().await?;
    let options = BasicConsumeOptions::default();
    let consumed = channel.basic_consume(queue.clone(), ShortString::default(), options, arguments);
    match connection.answer(consumed).await? {
        Ok(_) => {
            let closed = channel.close(200, "OK".into());
            let _ = connection.answer(closed).await?;
            Ok(QueueKind::Unknown)
        }
        Err(error) if soft(&error) == Some(&AMQPSoftError::PRECONDITIONFAILED) => {
            Ok(queue_kind(&text(&error)))
        }
        Err(error) => {
            let what = option.trim_start_matches('-');
            Err(connection.failure_of(what, option, queue.as_str(), &error))
        }
    }
}

/// Reads `… invalid arg 'x-priority' for queue 'orders' in vhost '/' of queue type rabbit_stream_queue`.
fn queue_kind(refusal: &str) -> QueueKind {
    // A name may have such words in it; the end is RabbitMQ's.
    match refusal.rsplit_once(" of queue type ") {
        Some((_, kind)) => match kind.trim_end() {
            "rabbit_classic_queue" => QueueKind::Classic,
            "rabbit_stream_queue" => QueueKind::Stream,
            _ => QueueKind::Other,
        },
        None => QueueKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_what_an_exchange_is() {
        let refusal = |field: &str, current: &str| {
            format!(
                "PRECONDITION_FAILED - inequivalent arg '{field}' for exchange 'but current is none' in vhost '/': \
                 received 'direct' but current is {current}"
            )
        };
        for (field, current, expected) in [
            ("type", "'x-random'", Difference::Kind("x-random".into())),
            ("durable", "'true'", Difference::Durable),
            ("auto_delete", "'true'", Difference::AutoDelete),
            ("internal", "'true'", Difference::Internal),
            (ALTERNATE, "none", Difference::Alternate(false)),
            (ALTERNATE, "'unrouted'", Difference::Alternate(true)),
            (ALTERNATE, "'none'", Difference::Alternate(true)),
        ] {
            assert_eq!(difference(&refusal(field, current)), Some(expected));
        }
        assert_eq!(difference(&refusal("colour", "'red'")), None);
        assert_eq!(difference(&refusal("type", "topic")), None);
        assert_eq!(difference("ACCESS_REFUSED - access refused"), None);
    }

    #[test]
    fn a_refusal_tells_what_a_queue_is() {
        for (kind, expected) in [
            (" of queue type rabbit_classic_queue", QueueKind::Classic),
            (" of queue type rabbit_stream_queue", QueueKind::Stream),
            (" of queue type rabbit_quorum_queue", QueueKind::Other),
            ("", QueueKind::Unknown),
        ] {
            let refusal =
                format!("PRECONDITION_FAILED - invalid arg 'x' for queue 'q' in vhost '/'{kind}");
            assert_eq!(queue_kind(&refusal), expected, "{kind}");
        }
        let named = "invalid arg 'x' for queue ' of queue type rabbit_classic_queue' in vhost '/'";
        assert_eq!(queue_kind(named), QueueKind::Other);
    }
}
