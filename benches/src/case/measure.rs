//! The work of a cell, done and counted.

use super::{Carried, Cell, Column, Work};
use crate::client::Client;
use crate::counted::counted;
use crate::sample::{Entries, others};
use opentelemetry::Context;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use otel_messaging::Instrumentation;
use otel_messaging::propagation::{self, CarrierExtractor, CarrierInjector};
use std::hint::black_box;

impl Cell {
    /// How often the work is done; the result is the mean. Where an entry stands in a hash map,
    /// and so what it costs to find it, is a matter of luck that evens out.
    pub fn samples(&self) -> usize {
        match self.row.work {
            Work::Grow(_, size) if size >= 100 => 4,
            Work::Grow(..) => 16,
            // They have to be sorted.
            Work::Inject(carried) if carried.baggage > 3 => 256,
            _ => 64,
        }
    }

    /// Does the work so often, with fresh inputs each time.
    pub fn measure<C: Client>(&self) {
        match self.row.work {
            Work::Inject(carried) => self.inject::<C>(carried),
            Work::Extract(carried, count) => {
                let mut entries = carried.entries();
                entries.extend(others(count));
                self.extract::<C>(&entries);
            }
            Work::InjectNothing => self.inject_into::<C>(&Entries::new(), Carried::default()),
            Work::InjectForeign(carried) => self.inject_foreign::<C>(carried),
            Work::ExtractForeign(carried) => self.extract_foreign::<C>(&carried.entries()),
            Work::Refuse(what) => match self.column {
                Column::Bound => self.extract_by_ours::<C>(&what.good()),
                _ => self.extract_by_ours::<C>(&what.bad()),
            },
            Work::Grow(what, size) => match what.injected(size) {
                Some(carried) => self.inject_into::<C>(&what.entries(size), carried),
                None => self.extract_by_ours::<C>(&what.entries(size)),
            },
            Work::Call(..)
            | Work::Rules(_)
            | Work::Poll
            | Work::TracedProcess
            | Work::TracedPoll => {}
        }
    }

    fn inject<C: Client>(&self, carried: Carried) {
        let contexts = || carried.context();
        match self.column {
            Column::Bound => self.repeat(contexts, |context| C::inject_by_hand(context)),
            Column::Usual => {
                let pair = usual();
                self.repeat(contexts, |context| C::inject_usually(&pair, context));
            }
            _ => {
                let ours = self.instrumentation();
                self.repeat(contexts, |context| {
                    let mut headers = C::Headers::default();
                    ours.inject(context, &mut headers);
                    headers
                });
            }
        }
    }

    fn extract<C: Client>(&self, entries: &Entries) {
        let received = || C::received(entries);
        match self.column {
            Column::Bound => self.repeat(received, |headers| C::extract_by_hand(headers)),
            Column::Usual => {
                let pair = usual();
                self.repeat(received, |headers| {
                    pair.extract_with_context(&Context::new(), &C::extractor(headers))
                });
            }
            _ => self.extract_by_ours::<C>(entries),
        }
    }

    fn extract_by_ours<C: Client>(&self, entries: &Entries) {
        let ours = self.instrumentation();
        self.repeat(|| C::received(entries), |headers| ours.extract(headers));
    }

    fn inject_into<C: Client>(&self, entries: &Entries, carried: Carried) {
        let ours = self.instrumentation();
        let inputs = || (C::received(entries), carried.context());
        self.repeat(inputs, |(headers, context)| ours.inject(context, headers));
    }

    fn inject_foreign<C: Client>(&self, carried: Carried) {
        let foreign = TraceContextPropagator::new();
        let contexts = || carried.context();
        match self.column {
            Column::Bound => {
                self.repeat(contexts, |context| C::inject_usually(&foreign, context));
            }
            _ => self.repeat(contexts, |context| {
                let mut headers = C::Headers::default();
                foreign.inject_context(context, &mut CarrierInjector::new(&mut headers));
                headers
            }),
        }
    }

    fn extract_foreign<C: Client>(&self, entries: &Entries) {
        let foreign = TraceContextPropagator::new();
        let received = || C::received(entries);
        match self.column {
            Column::Bound => self.repeat(received, |headers| {
                foreign.extract_with_context(&Context::new(), &C::extractor(headers))
            }),
            _ => self.repeat(received, |headers| {
                foreign.extract_with_context(&Context::new(), &CarrierExtractor::new(headers))
            }),
        }
    }

    fn instrumentation(&self) -> Instrumentation {
        match self.column {
            Column::Default => Instrumentation::default(),
            _ => Instrumentation::builder()
                .with_propagator(propagation::w3c())
                .build(),
        }
    }

    /// What goes in and what comes out is kept to the end: each piece of work takes fresh memory,
    /// as in a program where what it makes is freed elsewhere. As often again it is done before,
    /// uncounted: that does what is done once in a program, and uses up the memory that was freed
    /// while the inputs were made.
    fn repeat<I, O>(&self, input: impl Fn() -> I, work: impl Fn(&mut I) -> O) {
        let samples = self.samples();
        let mut inputs: Vec<I> = (0..2 * samples).map(|_| input()).collect();
        let mut outputs = Vec::with_capacity(2 * samples);
        let (before, counting) = inputs.split_at_mut(samples);
        outputs.extend(before.iter_mut().map(|input| work(black_box(input))));
        outputs.extend(counting.iter_mut().map(|input| counted(input, &work)));
        black_box(outputs);
    }
}

fn usual() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
}
