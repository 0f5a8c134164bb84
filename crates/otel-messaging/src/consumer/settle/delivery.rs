//! A delivery, and how far its settlement is.

use super::Settle;
use crate::consumer::handle::Consumer;
use crate::instrumentation::settings::Instrumentation;
use crate::message::endpoint::Endpoint;
use crate::message::received::{Client, Describe, Received};
use crate::operation::failure::Failure;
use crate::operation::related::Related;
use crate::operation::span::{LeftOpen, MessageSpan};
use crate::operation::start::Of;
use crate::telemetry::action::{Action, Operation};
use opentelemetry::Context;
use std::any::type_name;
use std::marker::PhantomData;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{self, Poll, Waker};

/// A delivery, and how far its settlement is.
pub(super) struct Delivery<C: 'static, S: Settle<C>> {
    pub(super) settler: S,
    state: Mutex<State<S::Settlement>>,
    /// It was taken out of its batch, which does not settle it any more.
    is_apart: AtomicBool,
    pub(super) by: By,
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

impl<C: 'static, S: Settle<C>> Delivery<C, S> {
    pub(super) fn new(settler: S, by: By) -> Self {
        Self {
            settler,
            state: Mutex::new(State::Open),
            is_apart: AtomicBool::new(false),
            by,
            client: PhantomData,
        }
    }

    fn with_state<T>(&self, work: impl FnOnce(&mut State<S::Settlement>) -> T) -> T {
        // Nothing in here panics.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes it out of its batch.
    pub(super) fn set_apart(&self) {
        self.is_apart.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_in_batch(&self) -> bool {
        !self.is_apart.load(Ordering::Relaxed)
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
    pub(super) fn interrupt(&self, settlement: &S::Settlement) {
        if S::is_final(settlement) {
            self.with_state(|state| *state = State::Interrupted(settlement.clone()));
        }
    }

    /// How it is to be settled at last, by whoever asks first: back to the broker, or as it was to be.
    pub(super) fn take_left(&self) -> Option<S::Settlement> {
        if !self.is_open() {
            return None;
        }
        self.with_state(|state| match state {
            State::Open | State::Interrupted(_) => match mem::replace(state, State::Settled) {
                State::Interrupted(settlement) => Some(S::unawaited(settlement)),
                _ => Some(S::returned()),
            },
            State::Begun | State::Settled => None,
        })
    }

    /// Asks the client once, without waiting.
    pub(super) fn ask_once(&self, settlement: &S::Settlement) -> Result<(), Failure> {
        let mut settled = self.settler.settle(settlement);
        let mut now = task::Context::from_waker(Waker::noop());
        match settled.as_mut().poll(&mut now) {
            Poll::Ready(settled) => settled.map_err(|error| failure::<C, S>(&error)),
            Poll::Pending if self.settler.is_open() => {
                let text = "the client does not take it without waiting";
                Err(Failure::new("not_sent", text))
            }
            // The client has taken it, and does what is left.
            Poll::Pending => Ok(()),
        }
    }

    /// The span and the metrics of a settlement.
    pub(super) fn span(&self, context: &Context, settlement: &S::Settlement) -> MessageSpan {
        let operation = S::operation(settlement);
        self.by.span(context, operation, &self.settler)
    }

    /// Gives it back to the broker if it is not settled, without waiting.
    pub(super) fn leave_in(&self, context: &Context) {
        let Some(settlement) = self.take_left() else {
            return;
        };
        let mut span = self.span(context, &settlement);
        if let Err(failure) = self.ask_once(&settlement) {
            span.fail(failure.error_type, failure.description);
        }
        span.end();
    }
}

/// While the span of its message is open.
impl<C: 'static, S: Settle<C>> LeftOpen for Delivery<C, S> {
    fn leave(&self, context: &Context) {
        self.leave_in(context);
    }
}

/// How the client's error marks the span of a settlement.
pub(super) fn failure<C: 'static, S: Settle<C>>(error: &S::Error) -> Failure {
    let known = <S::Client as Client>::error_type(error);
    Failure::new(known.unwrap_or(type_name::<S::Error>().into()), error)
}

/// Whose spans and metrics the handling and the settlement have.
#[derive(Clone)]
pub(super) enum By {
    Global,
    Instrumentation(Instrumentation),
    Consumer(Consumer),
}

impl By {
    pub(super) fn instrumentation(&self) -> &Instrumentation {
        match self {
            Self::Global => Instrumentation::global(),
            Self::Instrumentation(given) => given,
            Self::Consumer(handle) => &handle.instrumentation,
        }
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Consumer(handle) => Some(&handle.shared.info.0),
            Self::Global | Self::Instrumentation(_) => None,
        }
    }

    /// Starts the span of a message's handling.
    pub(super) fn process<C, M: Received<C> + ?Sized>(&self, message: &M) -> MessageSpan {
        match self {
            Self::Consumer(handle) => handle.process(message),
            Self::Global | Self::Instrumentation(_) => self.instrumentation().process(message),
        }
    }

    /// Starts the span and the metrics of a settlement, if it has an operation.
    pub(super) fn span<C, M: Describe<C>>(
        &self,
        context: &Context,
        operation: Option<&'static str>,
        message: &M,
    ) -> MessageSpan {
        let by = self.instrumentation().settings();
        let started = operation.filter(|_| !by.is_disabled).and_then(|name| {
            let operation = Operation::Settle;
            let of = Of {
                action: Action { operation, name },
                message,
                consumer: self.endpoint(),
                context,
            };
            MessageSpan::start(by, &of, |_| Related::child_of(context, Vec::new()), |_| {})
        });
        started.unwrap_or_else(|| MessageSpan::without(context.clone().into()))
    }
}
