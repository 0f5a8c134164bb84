//! The future of the settlement of a batch.

use super::deliveries::Deliveries;
use super::delivery::failure;
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

/// The future of the settlement of those of a batch that are not settled.
#[must_use = "a settlement is sent when its future is awaited"]
pub struct AllSettled<C: 'static, S: Settle<C>> {
    deliveries: Deliveries<C, S>,
    step: Step<C, S>,
}

enum Step<C: 'static, S: Settle<C>> {
    Waiting(Context, S::Settlement),
    Begun(Begun<C, S>),
    Done,
}

/// A delivery, and its settlement.
type UnderWay<C, S> = (Guard<C, S>, SettleFuture<<S as Settle<C>>::Error>);

struct Begun<C: 'static, S: Settle<C>> {
    settlement: S::Settlement,
    under_way: VecDeque<UnderWay<C, S>>,
    /// How many of them the client was not asked for yet.
    unsent: usize,
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
        let span = deliveries.span(
            context,
            &settlement,
            open.iter().filter_map(Guard::delivery),
        );
        let (settlement, last) = deliveries.in_one(settlement, &open);
        let asked = match last {
            Some(last) => vec![open.swap_remove(last)],
            None => mem::take(&mut open),
        };
        let settle = |guard: Guard<C, S>| {
            let settling = guard.delivery()?.settler.settle(&settlement);
            Some((guard, settling))
        };
        let under_way: VecDeque<_> = asked.into_iter().filter_map(settle).collect();
        Some(Self {
            unsent: under_way.len(),
            under_way,
            settlement,
            covered: open,
            span,
            error: None,
        })
    }

    /// Polls all once, so that all are sent, and later the first that is under way, so that many are not
    /// polled again for each that is done.
    fn poll(&mut self, cx: &mut task::Context<'_>) {
        for _ in 0..mem::take(&mut self.unsent) {
            if let Some(next) = self.under_way.pop_front()
                && let Some(pending) = self.poll_one(next, cx)
            {
                self.under_way.push_back(pending);
            }
        }
        while let Some(first) = self.under_way.pop_front() {
            if let Some(pending) = self.poll_one(first, cx) {
                self.under_way.push_front(pending);
                return;
            }
        }
        for guard in self.covered.drain(..) {
            end(&guard, &self.settlement);
        }
    }

    /// Gives it back if it is pending.
    fn poll_one(
        &mut self,
        (guard, mut settling): UnderWay<C, S>,
        cx: &mut task::Context<'_>,
    ) -> Option<UnderWay<C, S>> {
        let Poll::Ready(settled) = settling.as_mut().poll(cx) else {
            return Some((guard, settling));
        };
        end(&guard, &self.settlement);
        if let Err(error) = settled {
            let failure = failure::<C, S>(&error);
            self.span.fail(failure.error_type, failure.description);
            self.error.get_or_insert(error);
        }
        None
    }
}

fn end<C: 'static, S: Settle<C>>(guard: &Guard<C, S>, settlement: &S::Settlement) {
    if let Some(delivery) = guard.delivery() {
        delivery.end(settlement);
    }
}

/// If it is dropped while it is under way.
impl<C: 'static, S: Settle<C>> Drop for Begun<C, S> {
    fn drop(&mut self) {
        let mut is_taken = false;
        for (guard, settling) in self.under_way.drain(..) {
            drop(settling);
            if let Some(delivery) = guard.delivery() {
                is_taken = !delivery.settler.is_open();
                delivery.interrupt(&self.settlement);
            }
        }
        for guard in self.covered.drain(..) {
            match guard.delivery() {
                Some(delivery) if is_taken => delivery.end(&self.settlement),
                Some(delivery) => delivery.interrupt(&self.settlement),
                None => {}
            }
        }
    }
}

impl<C: 'static, S: Settle<C>> fmt::Debug for AllSettled<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllSettled").finish_non_exhaustive()
    }
}
