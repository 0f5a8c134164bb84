//! Settlement: a delivery is acknowledged, or given back to the broker, by the outcome of its handler.

pub(crate) mod all;
pub(crate) mod batch;
pub(crate) mod by_outcome;
pub(crate) mod deliveries;
mod delivery;
pub(crate) mod guard;
pub(crate) mod once;
pub(crate) mod settling;

use crate::message::received::{Describe, Received};
use std::fmt;
use std::pin::Pin;

/// The future of a settlement, as the client makes it.
pub type SettleFuture<E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send>>;

/// Settles one delivery. An adapter implements it for a value that holds what its client needs for that, such
/// as lapin's `Acker`, and that describes the delivery. `C` is the adapter's marker.
pub trait Settle<C: 'static>: Describe<C> + Send + Sync + 'static {
    /// The ways to settle a delivery, in the client's own words.
    type Settlement: fmt::Debug + Clone + PartialEq + Send + 'static;

    /// The client's error.
    type Error: fmt::Display + 'static;

    /// How a delivery is settled that was handled.
    fn handled() -> Self::Settlement;

    /// How a delivery goes back to the broker.
    fn returned() -> Self::Settlement;

    /// The client's own word, such as `ack`, for `messaging.operation.name` of the span. `None` if nothing
    /// is sent or stored, so that there is no span.
    fn operation(settlement: &Self::Settlement) -> Option<&'static str>;

    /// Whether the delivery is settled with it. A sign of life, such as JetStream's `+WPI`, does not settle.
    fn is_final(settlement: &Self::Settlement) -> bool {
        let _ = settlement;
        true
    }

    /// The settlement of one delivery alone, if this one settles all earlier deliveries too, as AMQP's
    /// `multiple` does. A batch is settled by its last delivery alone, by [`order`](Self::order), if no other
    /// delivery of the batch is under way before it, and none is missing. Otherwise each is settled by what
    /// this returns.
    fn single(settlement: &Self::Settlement) -> Option<Self::Settlement> {
        let _ = settlement;
        None
    }

    /// The place of the delivery among those that such a settlement is about: a delivery tag, a sequence.
    fn order(&self) -> u64 {
        0
    }

    /// What is left of a settlement that was dropped before it was done: the client is asked for this once,
    /// without waiting. A confirmation that nobody waits for is left out.
    fn unawaited(settlement: Self::Settlement) -> Self::Settlement {
        settlement
    }

    /// Whether the delivery may still be settled, as far as the client knows. The core does not settle a
    /// delivery twice, so this is for calls of the client's own methods.
    fn is_open(&self) -> bool {
        true
    }

    /// Settles the delivery. What it needs moves into the future. If the future is dropped before it is
    /// done, [`is_open`](Self::is_open) says whether the client has taken the settlement.
    fn settle(&self, settlement: &Self::Settlement) -> SettleFuture<Self::Error>;
}

/// A received message that has what it takes to settle it: lapin's `Delivery`, JetStream's `Message`. `C` is
/// the adapter's marker.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be settled by otel-messaging",
    note = "lapin's `Delivery` and JetStream's `Message` can be settled. A Kafka message is settled by the \
            `Offsets` of its consumer: `offsets.with_settlement(&message, handler)`. A message of core \
            NATS needs no settlement: use `with_message_context`"
)]
pub trait Unsettled<C: 'static>: Received<C> {
    /// What settles the message.
    type Settler: Settle<C>;

    /// Takes what it needs to settle the message. It does not settle it.
    fn settler(&self) -> Self::Settler;
}

impl<C: 'static, M: Unsettled<C> + ?Sized> Unsettled<C> for &M {
    type Settler = M::Settler;

    fn settler(&self) -> Self::Settler {
        (**self).settler()
    }
}
