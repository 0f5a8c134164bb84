//! The deliveries of a batch.

use super::Settle;
use super::delivery::By;
use super::guard::Guard;
use crate::consumer::several::InCommon;
use crate::message::attributes::Attributes;
use crate::message::destination::Destination;
use crate::message::info::MessageInfo;
use crate::message::received::Describe;
use crate::operation::span::{LeftOpen, MessageSpan};
use crate::telemetry::semconv;
use opentelemetry::Context;
use std::marker::PhantomData;
use std::sync::Arc;

/// The deliveries of a batch.
pub struct Deliveries<C: 'static, S: Settle<C>> {
    guards: Arc<[Guard<C, S>]>,
    by: By,
}

impl<C: 'static, S: Settle<C>> Deliveries<C, S> {
    pub(super) fn new(guards: impl Iterator<Item = Guard<C, S>>, by: By) -> Self {
        let guards = guards.collect();
        Self { guards, by }
    }

    pub(super) fn guards(&self) -> &[Guard<C, S>] {
        &self.guards
    }

    /// Those that the caller is to settle now.
    pub(super) fn begin(&self, settlement: &S::Settlement) -> Vec<Guard<C, S>> {
        let is_to_do = |guard: &&Guard<C, S>| guard.delivery.begin_in_batch(settlement);
        self.guards.iter().filter(is_to_do).cloned().collect()
    }

    /// One span for the settlement of several deliveries.
    pub(super) fn span(
        &self,
        context: &Context,
        settlement: &S::Settlement,
        alike: &[Guard<C, S>],
    ) -> MessageSpan {
        let destinations = &self.by.instrumentation().settings().destinations;
        let mut in_common = InCommon::default();
        for guard in alike {
            in_common.add(&guard.delivery.settler.message_info(), destinations);
        }
        let several = Several::<S> {
            info: in_common.info(None),
            count: in_common.count,
            settler: PhantomData,
        };
        let operation = S::operation(settlement);
        self.by.span::<C, _>(context, operation, &several)
    }
}

impl<C: 'static, S: Settle<C>> Deliveries<C, S> {
    /// Asks the client once to settle them alike, without waiting.
    fn ask_once(&self, context: &Context, settlement: S::Settlement, alike: Vec<Guard<C, S>>) {
        let mut span = self.span(context, &settlement, &alike);
        let (settlement, last) = self.in_one(settlement, &alike);
        for (place, guard) in alike.iter().enumerate() {
            if last.is_none_or(|last| last == place) {
                guard.delivery.ask_once(&settlement, &span);
            }
        }
        span.end();
    }

    /// The settlement of `open` deliveries of the batch, and the place of the one that is settled for all of
    /// them, if that settles no other.
    pub(super) fn in_one(
        &self,
        settlement: S::Settlement,
        open: &[Guard<C, S>],
    ) -> (S::Settlement, Option<usize>) {
        let Some(single) = S::single(&settlement) else {
            return (settlement, None);
        };
        let order = |guard: &Guard<C, S>| guard.delivery.settler.order();
        let orders = open.iter().map(order).enumerate();
        let Some((last, last_order)) = orders.max_by_key(|(_, order)| *order) else {
            return (single, None);
        };
        let done = self.guards.iter().filter(|guard| guard.delivery.is_done());
        let mut known: Vec<_> = open.iter().chain(done).map(order).collect();
        known.sort_unstable();
        let mut before: Vec<_> = self.guards.iter().map(order).collect();
        before.retain(|order| *order <= last_order);
        before.sort_unstable();
        // With two channels in one batch, an order may be there twice.
        let is_unbroken = before.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        if is_unbroken
            && before
                .iter()
                .all(|order| known.binary_search(order).is_ok())
        {
            (settlement, Some(last))
        } else {
            (single, None)
        }
    }
}

impl<C: 'static, S: Settle<C>> Clone for Deliveries<C, S> {
    fn clone(&self) -> Self {
        Self {
            guards: self.guards.clone(),
            by: self.by.clone(),
        }
    }
}

/// What several deliveries have in common.
struct Several<'a, S> {
    info: MessageInfo<'a>,
    count: u64,
    settler: PhantomData<S>,
}

impl<C, S: Describe<C>> Describe<C> for Several<'_, S> {
    type Client = S::Client;

    fn destination(&self) -> Destination<'_> {
        self.info.destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        self.info.clone()
    }

    fn set_attributes(&self, _info: &MessageInfo<'_>, attributes: &mut Attributes) {
        let key = semconv::MESSAGING_BATCH_MESSAGE_COUNT;
        attributes.set_count(key, self.count);
    }
}

/// While the span of the batch is open.
impl<C: 'static, S: Settle<C>> LeftOpen for Deliveries<C, S> {
    /// Gives back what is not settled, without waiting, with a span for those that are settled alike.
    fn leave(&self, context: &Context) {
        let mut left = Vec::new();
        for guard in self.guards.iter() {
            let settlement = guard.delivery.take_left_of_batch();
            left.extend(settlement.map(|settlement| (guard.clone(), settlement)));
        }
        while let Some((_, settlement)) = left.first() {
            let settlement = settlement.clone();
            let alike = left.extract_if(.., |(_, other)| *other == settlement);
            let alike = alike.map(|(guard, _)| guard).collect();
            self.ask_once(context, settlement, alike);
        }
    }
}
