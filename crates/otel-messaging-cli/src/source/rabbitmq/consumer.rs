//! Deliveries, one after the other.

use crate::error::Error;
use crate::source::rabbitmq::connection::Connection;
use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How many deliveries the broker sends ahead. They are what takes the memory.
const PREFETCH: u16 = 200;

/// What came next.
pub(crate) enum Next {
    Delivery(Box<Delivery>),
    /// Nothing for so long.
    Silence,
    Interrupted,
}

/// A consumer of a queue that gives its messages to this consumer alone, or to any number: its
/// acknowledgements make room for more deliveries, and take nothing away from others.
pub(crate) struct Acknowledging {
    consumer: Consumer,
    pub(crate) channel: Channel,
    unacknowledged: u16,
}

impl Acknowledging {
    pub(crate) async fn of(
        channel: Channel,
        queue: ShortString,
        arguments: FieldTable,
    ) -> Result<Self, lapin::Error> {
        channel
            .basic_qos(PREFETCH, BasicQosOptions::default())
            .await?;
        let options = BasicConsumeOptions::default();
        let consumer = channel
            .basic_consume(queue, ShortString::default(), options, arguments)
            .await?;
        Ok(Self {
            consumer,
            channel,
            unacknowledged: 0,
        })
    }

    pub(crate) async fn next(
        &mut self,
        connection: &Connection,
        stop: &CancellationToken,
        patience: Duration,
    ) -> Result<Next, Error> {
        let next = next(&mut self.consumer, connection, stop, patience).await?;
        if let Next::Delivery(delivery) = &next {
            self.unacknowledged += 1;
            if self.unacknowledged >= PREFETCH / 2 {
                let acknowledged = delivery.acker.ack(BasicAckOptions { multiple: true }).await;
                acknowledged.map_err(|error| connection.failure(&error))?;
                self.unacknowledged = 0;
            }
        }
        Ok(next)
    }
}

async fn next(
    consumer: &mut Consumer,
    connection: &Connection,
    stop: &CancellationToken,
    patience: Duration,
) -> Result<Next, Error> {
    let next = tokio::select! {
        next = timeout(patience, consumer.next()) => next,
        () = stop.cancelled() => return Ok(Next::Interrupted),
    };
    match next {
        Err(_) => Ok(Next::Silence),
        Ok(Some(Ok(delivery))) => Ok(Next::Delivery(Box::new(delivery))),
        Ok(Some(Err(error))) => Err(connection.failure(&error)),
        Ok(None) => Err(Error::new(format_args!(
            "RabbitMQ at {} ended the scan: the queue or the stream may have been deleted",
            connection.address
        ))),
    }
}
