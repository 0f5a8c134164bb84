//! The future of one settlement.

use super::delivery::fail;
use super::guard::Guard;
use super::{Settle, SettleFuture};
use crate::context::current::current_context;
use crate::operation::span::MessageSpan;
use opentelemetry::Context;
use std::fmt;
use std::pin::Pin;
use std::task::{self, Poll, ready};

impl<C: 'static, S: Settle<C>> Guard<C, S> {
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
}

/// The future of one settlement; see [`Guard::settle`].
///
/// If the delivery is settled already, it does nothing and returns `Ok`.
#[must_use = "a settlement is sent when its future is awaited"]
pub struct Settled<C: 'static, S: Settle<C>> {
    guard: Guard<C, S>,
    step: Step<S::Settlement, S::Error>,
}

enum Step<T, E> {
    Waiting(Context, T),
    Begun {
        settling: SettleFuture<E>,
        span: MessageSpan,
        settlement: T,
    },
    Done,
}

// None of its parts is pinned where it lies.
impl<C: 'static, S: Settle<C>> Unpin for Settled<C, S> {}

impl<C: 'static, S: Settle<C>> Settled<C, S> {
    pub(super) fn new(guard: Guard<C, S>, context: Context, settlement: S::Settlement) -> Self {
        Self {
            guard,
            step: Step::Waiting(context, settlement),
        }
    }
}

impl<C: 'static, S: Settle<C>> Future for Settled<C, S> {
    type Output = Result<(), S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let delivery = &this.guard.delivery;
        if let Step::Waiting(context, settlement) = &this.step {
            if !delivery.begin(settlement) {
                this.step = Step::Done;
                return Poll::Ready(Ok(()));
            }
            this.step = Step::Begun {
                span: delivery.span(context, settlement),
                settling: delivery.settler.settle(settlement),
                settlement: settlement.clone(),
            };
        }
        let Step::Begun {
            settling,
            span,
            settlement,
        } = &mut this.step
        else {
            return Poll::Ready(Ok(()));
        };
        let result = ready!(settling.as_mut().poll(cx));
        delivery.end(settlement);
        if let Err(error) = &result {
            fail::<C, S>(span, error);
        }
        span.end();
        this.step = Step::Done;
        Poll::Ready(result)
    }
}

impl<C: 'static, S: Settle<C>> Drop for Settled<C, S> {
    fn drop(&mut self) {
        let step = std::mem::replace(&mut self.step, Step::Done);
        if let Step::Begun {
            settling,
            span,
            settlement,
        } = step
        {
            drop(settling);
            drop(span);
            self.guard.delivery.interrupt(&settlement);
        }
    }
}

impl<C: 'static, S: Settle<C>> fmt::Debug for Settled<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settled")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}
