//! A delivery, and how far its settlement is.

use super::Settle;
use crate::consumer::handle::Consumer;
use crate::context::current::current_context;
use crate::instrumentation::settings::Instrumentation;
use crate::message::endpoint::Endpoint;
use crate::message::info::MessageInfo;
use crate::message::received::{Describe, Received, error_type};
use crate::operation::related::Related;
use crate::operation::span::{LeftOpen, MessageSpan};
use crate::operation::start::{Of, wanted_at};
use crate::telemetry::action::{Action, Operation};
use opentelemetry::Context;
use std::marker::PhantomData;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::task::{self, Poll, Waker};

/// A delivery, and how far its settlement is.
pub(super) struct Delivery<C: 'static, S: Settle<C>> {
    pub(super) settler: S,
    progress: Mutex<Progress<S::Settlement>>,
    pub(super) by: By,
    client: PhantomData<fn() -> C>,
}

struct Progress<T> {
    state: State<T>,
    place: Place,
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

impl<T> State<T> {
    fn is_open(&self) -> bool {
        matches!(self, Self::Open | Self::Interrupted(_))
    }
}

/// Who settles a delivery of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is settled with its batch.
    WithBatch,
    /// The handler of the batch, or a task of it, still has it: the batch does not know what becomes of it.
    Held,
    /// It was not handled: it is not acknowledged with its batch, and goes back at the end.
    Unhandled,
    /// It is settled by itself.
    Apart,
}

impl<C: 'static, S: Settle<C>> Delivery<C, S> {
    pub(super) fn new(settler: S, by: By) -> Self {
        Self {
            settler,
            progress: Mutex::new(Progress {
                state: State::Open,
                place: Place::WithBatch,
            }),
            by,
            client: PhantomData,
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Progress<S::Settlement>) -> T) -> T {
        // Nothing in here panics.
        let progress = self.progress.lock();
        work(&mut progress.unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn put(&self, place: Place) {
        self.with(|progress| progress.place = place);
    }

    pub(super) fn is_open(&self) -> bool {
        self.with(|progress| progress.state.is_open()) && self.settler.is_open()
    }

    /// Whether a settlement of it is done.
    pub(super) fn is_done(&self) -> bool {
        self.with(|progress| matches!(progress.state, State::Settled))
    }

    /// Whether the caller is to settle it now.
    pub(super) fn begin(&self, settlement: &S::Settlement) -> bool {
        self.begin_if(settlement, |_| true)
    }

    /// Whether it is to be settled now with its batch.
    pub(super) fn begin_in_batch(&self, settlement: &S::Settlement) -> bool {
        self.begin_if(settlement, |place| place == Place::WithBatch)
    }

    fn begin_if(&self, settlement: &S::Settlement, is_its: impl FnOnce(Place) -> bool) -> bool {
        if !self.settler.is_open() {
            return false;
        }
        self.with(|progress| {
            let is_to_do = is_its(progress.place) && progress.state.is_open();
            if is_to_do && S::is_final(settlement) {
                progress.state = State::Begun;
            }
            is_to_do
        })
    }

    /// A settlement is done, or has failed.
    pub(super) fn end(&self, settlement: &S::Settlement) {
        if S::is_final(settlement) {
            self.with(|progress| progress.state = State::Settled);
        }
    }

    /// A settlement was dropped while it was under way.
    pub(super) fn interrupt(&self, settlement: &S::Settlement) {
        if S::is_final(settlement) {
            self.with(|progress| progress.state = State::Interrupted(settlement.clone()));
        }
    }

    /// How it is to be settled at last, by whoever asks first: back to the broker, or as it was to be.
    fn take_left(&self) -> Option<S::Settlement> {
        self.take_left_if(|_| true)
    }

    /// The same at the end of its batch, unless others settle it.
    pub(super) fn take_left_of_batch(&self) -> Option<S::Settlement> {
        self.take_left_if(|place| matches!(place, Place::WithBatch | Place::Unhandled))
    }

    fn take_left_if(&self, is_its: impl FnOnce(Place) -> bool) -> Option<S::Settlement> {
        if !self.settler.is_open() {
            return None;
        }
        self.with(|progress| {
            if !is_its(progress.place) || !progress.state.is_open() {
                return None;
            }
            match mem::replace(&mut progress.state, State::Begun) {
                State::Interrupted(settlement) => Some(S::unawaited(settlement)),
                _ => Some(S::returned()),
            }
        })
    }

    /// Asks the client once, without waiting. If it fails, it is not done: no other settlement may count on
    /// it.
    pub(super) fn ask_once(&self, settlement: &S::Settlement, span: &MessageSpan) {
        let mut settled = self.settler.settle(settlement);
        let mut now = task::Context::from_waker(Waker::noop());
        match settled.as_mut().poll(&mut now) {
            Poll::Ready(Err(error)) => fail::<C, S>(span, &error),
            Poll::Pending if self.settler.is_open() => {
                span.fail("not_sent", "the client does not take it without waiting");
            }
            // While it is pending, the client has taken it, and does what is left.
            Poll::Ready(Ok(())) | Poll::Pending => self.end(settlement),
        }
    }

    /// The span and the metrics of a settlement.
    pub(super) fn span(&self, context: &Context, settlement: &S::Settlement) -> MessageSpan {
        let operation = S::operation(settlement);
        self.by.span(context, operation, &self.settler)
    }
}

impl<C: 'static, S: Settle<C>> LeftOpen for Delivery<C, S> {
    /// Gives it back to the broker if it is not settled, without waiting.
    fn leave(&self, context: &Context) {
        if let Some(settlement) = self.take_left() {
            let mut span = self.span(context, &settlement);
            self.ask_once(&settlement, &span);
            span.end();
        }
    }
}

/// With its last guard. A span that has it gives it back before.
impl<C: 'static, S: Settle<C>> Drop for Delivery<C, S> {
    fn drop(&mut self) {
        if self.is_open() {
            self.leave(&current_context());
        }
    }
}

/// Marks the span of a settlement with the client's error.
pub(super) fn fail<C: 'static, S: Settle<C>>(span: &MessageSpan, error: &S::Error) {
    span.fail(error_type::<S::Client, _>(error), error);
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
            let now = wanted_at(by, context)?;
            let operation = Operation::Settle;
            let of = Of {
                action: Action { operation, name },
                message,
                consumer: self.endpoint(),
                context,
            };
            let related = |_: &MessageInfo<'_>| Related::child_of(context, Vec::new());
            Some(MessageSpan::start(by, &of, now, related, |_| {}))
        });
        started.unwrap_or_else(|| MessageSpan::without(context.clone().into()))
    }
}
