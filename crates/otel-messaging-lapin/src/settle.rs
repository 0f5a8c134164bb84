//! Settling deliveries.

use crate::headers::Lapin;
use crate::received::message_info_of;
use crate::route::Route;
use lapin::Acker;
use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions};
use lapin::types::{DeliveryTag, ShortString};
use lapin::{ChannelState, Error, ErrorKind};
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo, semconv};
use otel_messaging::consumer::{Settle, SettleFuture, Unsettled};

/// How a delivery is settled, for [`with_settlement`](crate::with_settlement) and
/// [`Guard::settle`](crate::consumer::Guard::settle).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settlement {
    /// `basic.ack`: RabbitMQ removes the message from its queue.
    Ack,
    /// `basic.ack` with `multiple`: RabbitMQ removes the message, and **all messages before it** that it has
    /// delivered on the channel and that are not settled, handled or not.
    ///
    /// Use it for a [batch](crate::with_batch_settlement) that has all of them, and no message of another
    /// channel. The crate then sends one acknowledgement, for the last of the batch. If the delivery tags of
    /// the batch have gaps, or one of its messages is still being handled, the crate acknowledges each by
    /// itself. It does not see other batches and handlers on the same channel.
    AckMultiple,
    /// `basic.nack` with `requeue`: RabbitMQ delivers the message again, at once and to any consumer of the
    /// queue.
    Requeue,
    /// `basic.reject` without `requeue`: RabbitMQ routes the message to the queue's dead-letter exchange, or
    /// drops it if the queue has none.
    Reject,
}

/// Settles a delivery by its `Acker`, also when the delivery itself is gone.
#[derive(Debug)]
pub struct Settler {
    acker: Acker,
    exchange: ShortString,
    routing_key: ShortString,
    message_id: Option<ShortString>,
    correlation_id: Option<ShortString>,
    tag: DeliveryTag,
}

impl Unsettled<Lapin> for Delivery {
    type Settler = Settler;

    fn settler(&self) -> Settler {
        Settler {
            acker: self.acker.clone(),
            exchange: self.exchange.clone(),
            routing_key: self.routing_key.clone(),
            message_id: self.properties.message_id().clone(),
            correlation_id: self.properties.correlation_id().clone(),
            tag: self.delivery_tag,
        }
    }
}

impl Unsettled<Lapin> for BasicGetMessage {
    type Settler = Settler;

    fn settler(&self) -> Settler {
        self.delivery.settler()
    }
}

impl Settle<Lapin> for Settler {
    type Settlement = Settlement;
    type Error = Error;

    fn handled() -> Settlement {
        Settlement::Ack
    }

    fn returned() -> Settlement {
        Settlement::Requeue
    }

    fn operation(settlement: &Settlement) -> Option<&'static str> {
        Some(match settlement {
            Settlement::Ack | Settlement::AckMultiple => "ack",
            Settlement::Requeue => "nack",
            Settlement::Reject => "reject",
        })
    }

    fn single(settlement: &Settlement) -> Option<Settlement> {
        (*settlement == Settlement::AckMultiple).then_some(Settlement::Ack)
    }

    fn order(&self) -> u64 {
        self.tag
    }

    /// If the channel is closed, the application is to see the error.
    fn is_open(&self) -> bool {
        self.acker.usable() || self.acker.poisoned()
    }

    fn settle(&self, settlement: &Settlement) -> SettleFuture<Error> {
        let (acker, settlement) = (self.acker.clone(), *settlement);
        Box::pin(async move {
            let is_sent = match settlement {
                Settlement::Ack => acker.ack(BasicAckOptions::default()).await?,
                Settlement::AckMultiple => acker.ack(BasicAckOptions { multiple: true }).await?,
                Settlement::Requeue => {
                    let options = BasicNackOptions {
                        requeue: true,
                        ..Default::default()
                    };
                    acker.nack(options).await?
                }
                Settlement::Reject => acker.reject(BasicRejectOptions { requeue: false }).await?,
            };
            if !is_sent && acker.poisoned() {
                let state = ChannelState::Closed;
                return Err(ErrorKind::InvalidChannelState(state, "settling a delivery").into());
            }
            Ok(())
        })
    }
}

impl Describe<Lapin> for Settler {
    type Client = Lapin;

    fn destination(&self) -> Destination<'_> {
        Route::new(self.exchange.as_str(), self.routing_key.as_str()).destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        let ids = (self.message_id.as_ref(), self.correlation_id.as_ref());
        message_info_of(self.destination(), ids)
    }

    fn set_attributes(&self, _info: &MessageInfo<'_>, attributes: &mut Attributes) {
        if let Ok(tag) = i64::try_from(self.tag) {
            attributes.set(semconv::RABBITMQ_MESSAGE_DELIVERY_TAG, tag);
        }
    }
}
