//! Copies of what an exchange routes, while the doctor listens.

use crate::arguments::rabbitmq::RabbitMqArguments;
use crate::error::Error;
use crate::message::Place;
use crate::report::End;
use crate::source::bounds::From;
use crate::source::listening;
use crate::source::rabbitmq::connection::{Connection, text};
use crate::source::rabbitmq::consumer::{Acknowledging, Next};
use crate::source::rabbitmq::kind::{self, Exchange};
use crate::source::rabbitmq::message::seen;
use crate::source::scan::Scan;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};
use std::time::Instant;

/// What waits in the doctor's own queue at most. Beyond that RabbitMQ drops the oldest.
const MAX_MESSAGES: u32 = 10_000;
const MAX_BYTES: i32 = 64 * 1024 * 1024;

/// RabbitMQ deletes the queue after so many milliseconds without a consumer, whatever became of the doctor.
const EXPIRES: i32 = 60_000;

pub(crate) async fn look(
    connection: &Connection,
    exchange: &str,
    arguments: &RabbitMqArguments,
    scan: &mut Scan,
) -> Result<End, Error> {
    if matches!(scan.bounds.from, From::Time(_)) {
        return Err(Error::new(
            "--since cannot be used with --exchange: an exchange keeps no messages, so the doctor sees those \
             that come while it listens; use --for",
        ));
    }
    let name = name(exchange)?;
    check(connection, &name, arguments, scan).await?;
    let channel = connection.channel().await?;
    let queue = bind(connection, &channel, &name, &arguments.routing_key).await?;
    let consuming = Acknowledging::of(channel, queue.clone(), FieldTable::default());
    let consuming = connection.answer(consuming).await?;
    let mut consumer = consuming.map_err(|error| connection.failure(&error))?;

    let until = Instant::now() + listening::time(&scan.bounds);
    let mut count = 0;
    let end = loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break End::Time;
        }
        match consumer.next(connection, &scan.stop, left).await? {
            Next::Silence => break End::Time,
            Next::Interrupted => break End::Interrupted,
            Next::Delivery(delivery) => {
                count += 1;
                if let Some(end) = seen(&delivery, Place::Nth(count), scan) {
                    break end;
                }
            }
        }
    };
    // How full the queue is tells whether the doctor kept up.
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let declared = consumer
        .channel
        .queue_declare(queue, options, FieldTable::default());
    if end != End::Max
        && let Ok(Ok(queue)) = connection.answer(declared).await
        && queue.message_count() > MAX_MESSAGES / 2
    {
        scan.notes.push(format!(
            "more came from the exchange {exchange} than the doctor could read, and RabbitMQ dropped some of \
             its copies"
        ));
    }
    Ok(end)
}

fn name(exchange: &str) -> Result<ShortString, Error> {
    if exchange.is_empty() || exchange == "(default)" {
        return Err(Error::new(
            "nothing can be bound to the default exchange, so --exchange cannot look at it: its messages go to \
             the queue that the routing key names; use --queue NAME --requeue, or have producers publish to an \
             exchange with a name",
        ));
    }
    ShortString::try_new(exchange).map_err(|_| {
        Error::new(format_args!(
            "--exchange {exchange} is longer than 255 bytes"
        ))
    })
}

/// Checks that the exchange is there, and that a queue bound to it takes nothing away from others.
async fn check(
    connection: &Connection,
    exchange: &ShortString,
    arguments: &RabbitMqArguments,
    scan: &mut Scan,
) -> Result<(), Error> {
    let channel = connection.channel().await?;
    let options = ExchangeDeclareOptions {
        passive: true,
        ..ExchangeDeclareOptions::default()
    };
    // With `passive`, the kind counts for nothing.
    let declared = channel.exchange_declare(
        exchange.clone(),
        ExchangeKind::Topic,
        options,
        FieldTable::default(),
    );
    let declared = connection.answer(declared).await?;
    declared.map_err(|error| {
        connection.failure_of("exchange", "--exchange", exchange.as_str(), &error)
    })?;
    let found = kind::of_exchange(connection, exchange).await?;
    if found.is_none() && arguments.exchange_type.is_some() {
        scan.notes.push(format!(
            "RabbitMQ did not tell what the exchange {exchange} is, and --exchange-type was believed: if it has an \
             alternate exchange, messages may have missed that, and if it is auto-delete, it may be gone"
        ));
    }
    may_bind(exchange.as_str(), found.as_ref(), arguments)
}

/// Whether a queue may be bound to what was found, or to what the command line says if nothing was.
fn may_bind(
    exchange: &str,
    found: Option<&Exchange>,
    arguments: &RabbitMqArguments,
) -> Result<(), Error> {
    let kind = match (found, arguments.exchange_type) {
        (Some(found), _) => found.kind.as_str(),
        (None, Some(told)) => told.name(),
        (None, None) => {
            return Err(Error::new(format_args!(
                "RabbitMQ does not tell this user what the exchange {exchange} is, and of some a queue of the \
                 doctor's would take messages away: grant the user to configure {exchange}, or give its type with \
                 --exchange-type if it is neither auto-delete nor has an alternate exchange"
            )));
        }
    };
    if kind.contains("hash") || kind.contains("random") {
        return Err(Error::new(format_args!(
            "the exchange {exchange} is of the type {kind}, which gives each message to one of its queues: a queue \
             of the doctor's would take messages away from the others; look at an exchange before it, or at a queue \
             with --queue and --requeue"
        )));
    }
    if found.is_some_and(|found| found.auto_delete) {
        return Err(Error::new(format_args!(
            "the exchange {exchange} is auto-delete: RabbitMQ deletes it with its last binding, and that may be the \
             doctor's; look at an exchange before it, or at a queue with --queue and --requeue"
        )));
    }
    if found.is_some_and(|found| found.alternate) {
        return Err(Error::new(format_args!(
            "the exchange {exchange} has an alternate exchange, which gets what no queue takes: a queue of the \
             doctor's would take those messages away from it; look at the alternate exchange, or at a queue with \
             --queue and --requeue"
        )));
    }
    if kind == "direct" && arguments.routing_key.iter().any(|key| key == "#") {
        return Err(Error::new(format_args!(
            "the exchange {exchange} is a direct one, which knows no patterns: name the routing keys with \
             --routing-key"
        )));
    }
    Ok(())
}

/// A queue of the doctor's own, which cannot pile up.
async fn bind(
    connection: &Connection,
    channel: &Channel,
    exchange: &ShortString,
    routing_keys: &[String],
) -> Result<ShortString, Error> {
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-max-length".into(),
        AMQPValue::LongLongInt(MAX_MESSAGES.into()),
    );
    arguments.insert("x-max-length-bytes".into(), AMQPValue::LongInt(MAX_BYTES));
    arguments.insert("x-expires".into(), AMQPValue::LongInt(EXPIRES));
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("classic".into()),
    );
    let options = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(ShortString::default(), options, arguments);
    let declared = connection.answer(declared).await?.map_err(|error| {
        Error::new(format_args!(
            "RabbitMQ at {} does not let this user declare a queue, which --exchange needs: grant it to configure, \
             write and read amq.gen-.* ({})",
            connection.address,
            text(&error)
        ))
    })?;
    let queue = declared.name().clone();
    for key in routing_keys {
        let key = ShortString::try_new(key.as_str()).map_err(|_| {
            Error::new(format_args!("--routing-key {key} is longer than 255 bytes"))
        })?;
        // For a headers exchange: every message. Other exchanges look at the key alone.
        let mut arguments = FieldTable::default();
        arguments.insert("x-match".into(), AMQPValue::LongString("all".into()));
        let options = QueueBindOptions::default();
        let bound = channel.queue_bind(queue.clone(), exchange.clone(), key, options, arguments);
        let bound = connection.answer(bound).await?;
        bound.map_err(|error| {
            connection.failure_of("exchange", "--exchange", exchange.as_str(), &error)
        })?;
    }
    Ok(queue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: RabbitMqArguments,
    }

    fn refusal(found: Option<&str>, more: &[&str]) -> Option<String> {
        let line = ["doctor", "--url", "amqp://localhost", "--exchange", "shop"];
        let line = Line::try_parse_from([&line[..], more].concat()).unwrap();
        let found = found.map(|kind| Exchange {
            kind: kind.to_owned(),
            auto_delete: false,
            alternate: false,
        });
        let may = may_bind("shop", found.as_ref(), &line.arguments);
        may.err().map(|error| error.to_string())
    }

    #[test]
    fn an_exchange_that_nobody_knows_is_not_touched() {
        let said = refusal(None, &[]).unwrap();
        assert!(said.contains("configure shop"), "{said}");
        assert!(said.contains("--exchange-type"), "{said}");
        assert_eq!(refusal(None, &["--exchange-type", "topic"]), None);
        let direct = ["--exchange-type", "direct"];
        let said = refusal(None, &direct).unwrap();
        assert!(said.contains("--routing-key"), "{said}");
        let direct = [&direct[..], &["--routing-key", "orders"]].concat();
        assert_eq!(refusal(None, &direct), None);
    }

    #[test]
    fn what_rabbitmq_tells_counts_before_what_is_said() {
        for kind in ["x-consistent-hash", "x-modulus-hash", "x-random"] {
            let said = refusal(Some(kind), &["--exchange-type", "topic"]).unwrap();
            assert!(said.contains(kind), "{said}");
        }
        for kind in ["topic", "fanout", "headers", "x-delayed-message"] {
            assert_eq!(refusal(Some(kind), &[]), None, "{kind}");
        }
    }
}
