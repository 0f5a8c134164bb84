//! The guard of a delivery: it settles it once.

use super::delivery::{By, Delivery};
use super::{Settle, Unsettled};
use crate::consumer::handle::Consumer;
use crate::instrumentation::settings::Instrumentation;
use std::fmt;
use std::sync::Arc;

/// Settles one delivery, once. [`guard`] makes it, and [`with_settlement`](crate::with_settlement) has one
/// inside.
///
/// The first settlement counts: later calls, and calls beside it, change nothing and return `Ok`. If all
/// clones of a guard are dropped before the delivery is settled, it goes back to the broker: the guard asks
/// the client once, without waiting.
///
/// ```
/// # use otel_messaging::consumer::{Settle, Unsettled};
/// # use otel_messaging::{guard, with_message_context};
/// # async fn store<M>(_message: &M) {}
/// # async fn notify<M>(_message: &M) {}
/// # async fn consume<C: 'static, M: Unsettled<C>>(
/// #     message: M,
/// # ) -> Result<(), <M::Settler as Settle<C>>::Error> {
/// let guard = guard(&message);
/// with_message_context(&message, |message| async move {
///     store(message).await; // if this is cancelled, the message goes back to the broker
///     guard.ack().await?; // the span `ack orders`, a child of the message's
///     notify(message).await;
///     Ok(())
/// })
/// .await
/// # }
/// ```
pub struct Guard<C: 'static, S: Settle<C>> {
    pub(super) delivery: Arc<Delivery<C, S>>,
}

/// Makes the guard of a delivery, to settle it by hand; see [`Guard`]. To settle it by its handler's outcome,
/// use [`with_settlement`](crate::with_settlement).
pub fn guard<C: 'static, M: Unsettled<C> + ?Sized>(message: &M) -> Guard<C, M::Settler> {
    Guard::new(message.settler(), By::Global)
}

impl Instrumentation {
    /// Makes the guard of a delivery, to settle it by hand; see the free function [`guard`].
    pub fn guard<C: 'static, M: Unsettled<C> + ?Sized>(&self, message: &M) -> Guard<C, M::Settler> {
        self.guard_of(message.settler())
    }

    /// Makes the guard of a delivery from what settles it, for adapters whose messages do not have that.
    pub fn guard_of<C, S: Settle<C>>(&self, settler: S) -> Guard<C, S> {
        Guard::new(settler, By::Instrumentation(self.clone()))
    }
}

impl Consumer {
    /// Makes the guard of a delivery, to settle it by hand; see the free function [`guard`].
    pub fn guard<C: 'static, M: Unsettled<C> + ?Sized>(&self, message: &M) -> Guard<C, M::Settler> {
        self.guard_of(message.settler())
    }

    /// Makes the guard of a delivery from what settles it, for adapters whose messages do not have that.
    pub fn guard_of<C, S: Settle<C>>(&self, settler: S) -> Guard<C, S> {
        Guard::new(settler, By::Consumer(self.clone()))
    }
}

impl<C: 'static, S: Settle<C>> Guard<C, S> {
    pub(super) fn new(settler: S, by: By) -> Self {
        Self {
            delivery: Arc::new(Delivery::new(settler, by)),
        }
    }

    /// Whether the delivery is settled, or a settlement is under way.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.delivery.is_open()
    }
}

impl<C: 'static, S: Settle<C>> Clone for Guard<C, S> {
    fn clone(&self) -> Self {
        Self {
            delivery: self.delivery.clone(),
        }
    }
}

impl<C: 'static, S: Settle<C>> fmt::Debug for Guard<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("is_settled", &self.is_settled())
            .finish_non_exhaustive()
    }
}
