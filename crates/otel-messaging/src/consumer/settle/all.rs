//! The future of the settlement of a batch.

use super::deliveries::Deliveries;
use super::delivery::fail;
use super::guard::Guard;
use super::settling::Outstanding;
use super::{Settle, SettleFuture};
use crate::operation::span::MessageSpan;
use opentelemetry::Context;
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{self, Poll};

/// The future that settles the messages of a batch, but for those that are settled already.
#[must_use = "a settlement is sent when its future is awaited"]
pub struct AllSettled<C: 'static, S: Settle<C>> {
    deliveries: Deliveries<C, S>,
    step: Step<C, S>,
}

// Not `expect`: how large it is depends on the features.
#[allow(
    clippy::large_enum_variant,
    reason = "a batch has one, and most of its life it is the largest"
)]
enum Step<C: 'static, S: Settle<C>> {
    Waiting(Context, S::Settlement),
    Begun(Begun<C, S>),
    Done,
}

/// So many settlements of a batch are under way at a time. Each wake-up polls all of them, and a client has only
/// so much room.
const AT_ONCE: usize = 64;

/// A delivery, and its settlement.
type UnderWay<C, S> = (Guard<C, S>, SettleFuture<<S as Settle<C>>::Error>);

struct Begun<C: 'static, S: Settle<C>> {
    settlement: S::Settlement,
    /// Those for which the client was not asked yet.
    waiting: VecDeque<Guard<C, S>>,
    under_way: Vec<UnderWay<C, S>>,
    /// Those that are settled with it.
    covered: Vec<Guard<C, S>>,
    span: MessageSpan,
    /// The first one.
    error: Option<S::Error>,
}

// None of its parts is pinned where it lies.
impl<C: 'static, S: Settle<C>> Unpin for AllSettled<C, S> {}

impl<C: 'static, S: Settle<C>> AllSettled<C, S> {
    pub(super) fn new(
        deliveries: Deliveries<C, S>,
        context: Context,
        settlement: S::Settlement,
    ) -> Self {
        Self {
            deliveries,
            step: Step::Waiting(context, settlement),
        }
    }
}

impl<C: 'static, S: Settle<C>> Outstanding for Deliveries<C, S> {
    type Settlement = S::Settlement;
    type Error = S::Error;
    type Settled = AllSettled<C, S>;

    fn handled() -> S::Settlement {
        S::handled()
    }

    fn returned() -> S::Settlement {
        S::returned()
    }

    fn is_final(settlement: &S::Settlement) -> bool {
        S::is_final(settlement)
    }

    fn settle_in(&self, context: Context, settlement: S::Settlement) -> AllSettled<C, S> {
        AllSettled::new(self.clone(), context, settlement)
    }
}

impl<C: 'static, S: Settle<C>> Future for AllSettled<C, S> {
    type Output = Result<(), S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Step::Waiting(..) = this.step
            && let Step::Waiting(context, settlement) = mem::replace(&mut this.step, Step::Done)
        {
            let begun = Begun::start(&this.deliveries, &context, settlement);
            this.step = begun.map_or(Step::Done, Step::Begun);
        }
        let Step::Begun(begun) = &mut this.step else {
            return Poll::Ready(Ok(()));
        };
        begun.poll(cx);
        if !begun.under_way.is_empty() {
            return Poll::Pending;
        }
        begun.span.end();
        let error = begun.error.take();
        this.step = Step::Done;
        Poll::Ready(error.map_or(Ok(()), Err))
    }
}

impl<C: 'static, S: Settle<C>> Begun<C, S> {
    /// `None` if all are settled already.
    fn start(
        deliveries: &Deliveries<C, S>,
        context: &Context,
        settlement: S::Settlement,
    ) -> Option<Self> {
        let mut open = deliveries.begin(&settlement);
        if open.is_empty() {
            return None;
        }
        let span = deliveries.span(context, &settlement, &open);
        let (settlement, last) = deliveries.in_one(settlement, &open);
        let waiting = match last {
            Some(last) => [open.swap_remove(last)].into(),
            None => mem::take(&mut open).into(),
        };
        Some(Self {
            waiting,
            under_way: Vec::new(),
            settlement,
            covered: open,
            span,
            error: None,
        })
    }

    /// Asks the client for as many as may be under way, and polls these.
    fn poll(&mut self, cx: &mut task::Context<'_>) {
        let Self {
            settlement,
            waiting,
            under_way,
            span,
            error,
            ..
        } = self;
        let mut has_changed = true;
        while has_changed {
            let room = AT_ONCE.saturating_sub(under_way.len()).min(waiting.len());
            under_way.extend(waiting.drain(..room).map(|guard| {
                let settling = guard.delivery.settler.settle(settlement);
                (guard, settling)
            }));
            has_changed = false;
            under_way.retain_mut(|(guard, settling)| {
                let Poll::Ready(settled) = settling.as_mut().poll(cx) else {
                    return true;
                };
                has_changed = true;
                guard.delivery.end(settlement);
                if let Err(failed) = settled {
                    fail::<C, S>(span, &failed);
                    error.get_or_insert(failed);
                }
                false
            });
        }
        if self.under_way.is_empty() {
            for guard in self.covered.drain(..) {
                guard.delivery.end(&self.settlement);
            }
        }
    }
}

/// If it is dropped while it is under way.
impl<C: 'static, S: Settle<C>> Drop for Begun<C, S> {
    fn drop(&mut self) {
        let mut is_taken = false;
        for (guard, settling) in self.under_way.drain(..) {
            drop(settling);
            is_taken |= !guard.delivery.settler.is_open();
            guard.delivery.interrupt(&self.settlement);
        }
        for guard in self.waiting.drain(..) {
            guard.delivery.interrupt(&self.settlement);
        }
        for guard in self.covered.drain(..) {
            if is_taken {
                guard.delivery.end(&self.settlement);
            } else {
                guard.delivery.interrupt(&self.settlement);
            }
        }
    }
}

impl<C: 'static, S: Settle<C>> fmt::Debug for AllSettled<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllSettled").finish_non_exhaustive()
    }
}
