//! The guard of a delivery: it settles it once.

use super::once::Settled;
use super::{Settle, Unsettled};
use crate::consumer::handle::{Consumer, Shared as Handle};
use crate::context::current::current_context;
use crate::instrumentation::settings::Instrumentation;
use crate::message::endpoint::Endpoint;
use crate::message::received::Client;
use crate::operation::related::Related;
use crate::operation::span::{LeftOpen, MessageSpan};
use crate::operation::start::Of;
use crate::telemetry::action::{Action, Operation};
use opentelemetry::Context;
use std::any::type_name;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, Waker};

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
    shared: Option<Arc<Shared<C, S>>>,
}

/// A delivery, and how far its settlement is.
pub(super) struct Shared<C: 'static, S: Settle<C>> {
    pub(super) settler: S,
    state: Mutex<State<S::Settlement>>,
    /// `None` for the global one.
    given: Option<Instrumentation>,
    consumer: Option<Arc<Handle>>,
    client: PhantomData<fn() -> C>,
}

/// How far the settlement of a delivery is.
enum State<T> {
    Open,
    /// A settlement is under way.
    Begun,
    /// A settlement was dropped before the client had taken it.
    Interrupted(T),
    Settled,
}

/// Makes the guard of a delivery, to settle it by hand; see [`Guard`]. To settle it by its handler's outcome,
/// use [`with_settlement`](crate::with_settlement).
pub fn guard<C: 'static, M: Unsettled<C> + ?Sized>(message: &M) -> Guard<C, M::Settler> {
    Guard::new(message.settler(), None, None)
}

impl Instrumentation {
    /// Makes the guard of a delivery, to settle it by hand; see the free function [`guard`].
    pub fn guard<C: 'static, M: Unsettled<C> + ?Sized>(&self, message: &M) -> Guard<C, M::Settler> {
        self.guard_of(message.settler())
    }

    /// Makes the guard of a delivery from what settles it, for adapters whose messages do not have that.
    pub fn guard_of<C, S: Settle<C>>(&self, settler: S) -> Guard<C, S> {
        Guard::new(settler, Some(self.clone()), None)
    }
}

impl Consumer {
    /// Makes the guard of a delivery, to settle it by hand; see the free function [`guard`].
    pub fn guard<C: 'static, M: Unsettled<C> + ?Sized>(&self, message: &M) -> Guard<C, M::Settler> {
        self.guard_of(message.settler())
    }

    /// Makes the guard of a delivery from what settles it, for adapters whose messages do not have that.
    pub fn guard_of<C, S: Settle<C>>(&self, settler: S) -> Guard<C, S> {
        let shared = Some(self.shared.clone());
        Guard::new(settler, Some(self.instrumentation.clone()), shared)
    }
}

impl<C: 'static, S: Settle<C>> Guard<C, S> {
    fn new(settler: S, given: Option<Instrumentation>, consumer: Option<Arc<Handle>>) -> Self {
        Self {
            shared: Some(Arc::new(Shared {
                settler,
                state: Mutex::new(State::Open),
                given,
                consumer,
                client: PhantomData,
            })),
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
        self.settle_in(current_context(), settlement)
    }

    pub(super) fn settle_in(&self, context: Context, settlement: S::Settlement) -> Settled<C, S> {
        Settled::new(self.clone(), context, settlement)
    }

    pub(super) fn shared(&self) -> Option<&Shared<C, S>> {
        self.shared.as_deref()
    }

    /// What the span of the delivery's handling gives back when it ends.
    pub(super) fn left_open(&self) -> Option<Arc<dyn LeftOpen>> {
        let shared = self.shared.clone()?;
        Some(shared)
    }

    /// Whether the delivery is settled, or a settlement is under way.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.shared().is_none_or(|shared| !shared.is_open())
    }
}

impl<C: 'static, S: Settle<C>> Shared<C, S> {
    fn with_state<T>(&self, work: impl FnOnce(&mut State<S::Settlement>) -> T) -> T {
        // Nothing in here panics.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_open(&self) -> bool {
        let is_open = |state: &mut State<_>| matches!(state, State::Open | State::Interrupted(_));
        self.with_state(is_open) && self.settler.is_open()
    }

    /// Whether the caller is to settle it now.
    pub(super) fn begin(&self, settlement: &S::Settlement) -> bool {
        if !self.is_open() {
            return false;
        }
        if !S::is_final(settlement) {
            return true;
        }
        self.with_state(|state| match state {
            State::Open | State::Interrupted(_) => {
                *state = State::Begun;
                true
            }
            State::Begun | State::Settled => false,
        })
    }

    /// A settlement is done, or has failed.
    pub(super) fn end(&self, settlement: &S::Settlement) {
        if S::is_final(settlement) {
            self.with_state(|state| *state = State::Settled);
        }
    }

    /// A settlement was dropped while it was under way.
    pub(super) fn interrupt(&self, settlement: S::Settlement) {
        if S::is_final(&settlement) {
            self.with_state(|state| *state = State::Interrupted(settlement));
        }
    }

    /// The span and the metrics of a settlement.
    pub(super) fn span(&self, context: &Context, settlement: &S::Settlement) -> MessageSpan {
        let started = S::operation(settlement).and_then(|name| {
            let given = self.given.as_ref();
            let by = given
                .unwrap_or_else(|| Instrumentation::global())
                .settings();
            if by.is_disabled {
                return None;
            }
            let of = Of {
                action: Action {
                    operation: Operation::Settle,
                    name,
                },
                message: &self.settler,
                consumer: self.endpoint(),
                context,
            };
            MessageSpan::start(by, &of, |_| Related::child_of(context, Vec::new()), |_| {})
        });
        started.unwrap_or_else(|| MessageSpan::without(context.clone().into()))
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        self.consumer.as_ref().map(|handle| &handle.info.0)
    }

    /// Gives a delivery that is not settled back to the broker, or settles it as it was to be, without
    /// waiting: the client is asked once.
    fn leave_in(&self, context: &Context) {
        if !self.is_open() {
            return;
        }
        let left = self.with_state(|state| std::mem::replace(state, State::Settled));
        let settlement = match left {
            State::Interrupted(settlement) => S::unawaited(settlement),
            State::Open => S::returned(),
            State::Begun | State::Settled => return,
        };
        let mut span = self.span(context, &settlement);
        let mut settled = self.settler.settle(&settlement);
        match settled
            .as_mut()
            .poll(&mut task::Context::from_waker(Waker::noop()))
        {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => span.fail(error_type::<C, S>(&error), error),
            Poll::Pending if self.settler.is_open() => {
                span.fail("not_sent", "the client does not take it without waiting");
            }
            // The client has taken it, and does what is left.
            Poll::Pending => {}
        }
        drop(settled);
        span.end();
    }
}

/// While the span of its message is open.
impl<C: 'static, S: Settle<C>> LeftOpen for Shared<C, S> {
    fn leave(&self, context: &Context) {
        self.leave_in(context);
    }
}

impl<C: 'static, S: Settle<C>> Drop for Guard<C, S> {
    fn drop(&mut self) {
        // The last one. A span that has one gives the delivery back itself.
        if let Some(shared) = self.shared.take().and_then(Arc::into_inner)
            && shared.is_open()
        {
            shared.leave_in(&current_context());
        }
    }
}

/// The name of the client's error for `error.type`.
pub(super) fn error_type<C: 'static, S: Settle<C>>(error: &S::Error) -> Cow<'static, str> {
    let known = <S::Client as Client>::error_type(error);
    known.unwrap_or(type_name::<S::Error>().into())
}

impl<C: 'static, S: Settle<C>> Clone for Guard<C, S> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
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
