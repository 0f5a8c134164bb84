//! The guard of a delivery: it settles it once.

use super::delivery::{By, Delivery};
use super::once::Settled;
use super::settling::SettlingOne;
use super::{Settle, Unsettled};
use crate::consumer::handle::Consumer;
use crate::context::current::current_context;
use crate::instrumentation::settings::Instrumentation;
use crate::message::received::Received;
use crate::operation::failure::Failure;
use crate::operation::future::InContext;
use crate::operation::span::{LeftOpen, MessageSpan};
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
    /// `None` while it is dropped.
    delivery: Option<Arc<Delivery<C, S>>>,
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
            delivery: Some(Arc::new(Delivery::new(settler, by))),
        }
    }

    /// Acknowledges the delivery, as a handler's success does.
    ///
    /// # Errors
    ///
    /// The client's error. It marks the span of the settlement.
    pub fn ack(&self) -> Settled<C, S> {
        self.settle(S::handled())
    }

    /// Settles the delivery. The span of the settlement is a child of the context that is current at this
    /// call. The client is asked when the future is polled first, so await it.
    ///
    /// If the future is dropped before the client has taken the settlement, the delivery is not settled. The
    /// guard then asks the client once more, without waiting, when it is dropped.
    ///
    /// # Errors
    ///
    /// The client's error. It marks the span of the settlement. The delivery is then not settled again: the
    /// broker delivers it anew.
    pub fn settle(&self, settlement: S::Settlement) -> Settled<C, S> {
        Settled::new(self.clone(), current_context(), settlement)
    }

    /// Handles `message`, the message of this guard, and settles it by the handler's outcome, as
    /// [`with_settlement`](crate::with_settlement) does. The handler may have the guard too: to settle the
    /// message early, or to tell JetStream that it is still being handled.
    ///
    /// ```
    /// # use otel_messaging::consumer::{Guard, Settle, Unsettled};
    /// # use otel_messaging::guard;
    /// # async fn handle<M, C, S: Settle<C>>(_: &M, _: &Guard<C, S>) -> std::io::Result<()> { Ok(()) }
    /// # async fn consume<C: 'static, M: Unsettled<C>>(
    /// #     message: M,
    /// # ) -> Result<(), <M::Settler as Settle<C>>::Error> {
    /// let guard = guard(&message);
    /// let handled = guard.with_settlement(&message, |message| handle(message, &guard));
    /// if let Err(error) = handled.await? {
    ///     eprintln!("the message went back to the broker: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The client's error, if the settlement failed. Otherwise the handler's result is inside.
    pub fn with_settlement<'a, M, H, F, T, E>(
        &self,
        message: &'a M,
        handler: H,
    ) -> SettlingOne<InContext<F>, T, E, C, S>
    where
        M: Received<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        self.handle(self.process(message), message, handler)
    }

    /// Handles the message of this guard and settles it, as [`with_settlement`](Self::with_settlement) does,
    /// and marks its span with the [`Failure`] that `failure_of` returns for the handler's error.
    ///
    /// # Errors
    ///
    /// The client's error, if the settlement failed. Otherwise the handler's result is inside.
    #[expect(clippy::type_complexity, reason = "an alias cannot name a closure")]
    pub fn with_settlement_with<'a, M, H, F, T, E, J>(
        &self,
        message: &'a M,
        handler: H,
        failure_of: J,
    ) -> SettlingOne<
        InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<'a, C, S, M, H, F, T, E, J>>,
        T,
        E,
        C,
        S,
    >
    where
        M: Received<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&E) -> Option<Failure>,
    {
        self.handle_with(self.process(message), message, handler, failure_of)
    }

    fn process<M: Received<C> + ?Sized>(&self, message: &M) -> MessageSpan {
        match self.delivery() {
            Some(delivery) => delivery.by.process(message),
            None => Instrumentation::global().process(message),
        }
    }

    pub(super) fn delivery(&self) -> Option<&Delivery<C, S>> {
        self.delivery.as_deref()
    }

    /// What the span of the delivery's handling gives back when it ends.
    pub(super) fn left_open(&self) -> Option<Arc<dyn LeftOpen>> {
        let delivery = self.delivery.clone()?;
        Some(delivery)
    }

    /// Whether the delivery is settled, or a settlement is under way.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.delivery().is_none_or(|delivery| !delivery.is_open())
    }
}

impl<C: 'static, S: Settle<C>> Drop for Guard<C, S> {
    fn drop(&mut self) {
        // The last one. A span that has one gives the delivery back itself.
        if let Some(delivery) = self.delivery.take().and_then(Arc::into_inner)
            && delivery.is_open()
        {
            delivery.leave_in(&current_context());
        }
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
