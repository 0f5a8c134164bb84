//! The work of a cell, done and counted.

use super::{Call, Calls, Polling, Setting, process, process_by_hand, process_without_span};
use crate::case::{Cell, Column};
use crate::sample::Carried;
use opentelemetry::global;
use otel_messaging::{Instrumentation, propagation};

const SPAN: Carried = Carried {
    span: true,
    random: false,
    state: 0,
    baggage: 0,
};

impl Call {
    /// Does the work as often as the cell says, with fresh inputs each time. As often again it is
    /// done before, uncounted.
    pub(crate) fn measure<C: Calls>(self, setting: Setting, cell: &Cell) {
        setting.install();
        match self {
            Self::Process => process_messages::<C>(cell),
            Self::Send => send_messages::<C>(cell),
        }
    }
}

fn process_messages<C: Calls>(cell: &Cell) {
    let message = || C::message(C::received(&SPAN.entries()));
    let tracer = global::tracer("benches");
    let ours = instrumentation(cell);
    match cell.column {
        Column::Bound => repeat(cell, message, async |message| {
            process_by_hand::<C>(&tracer, message).await;
        }),
        Column::Wire => repeat(cell, message, async |message| {
            process_without_span::<C>(message).await;
        }),
        _ => repeat(cell, message, async |message| {
            process::<C>(ours.as_ref(), message).await;
        }),
    }
}

fn send_messages<C: Calls>(cell: &Cell) {
    let sender = C::connect();
    let record = || Some(C::record());
    let tracer = global::tracer("benches");
    let ours = C::injecting(&sender, instrumentation(cell));
    let _current = SPAN.context().attach();
    match cell.column {
        Column::Bound => repeat(cell, record, async |record| {
            if let Some(record) = record.take() {
                C::send_by_hand(&sender, &tracer, record).await;
            }
        }),
        Column::Wire => repeat(cell, record, async |record| {
            if let Some(record) = record.take() {
                C::send_without_span(&sender, record).await;
            }
        }),
        _ => repeat(cell, record, async |record| {
            if let Some(record) = record.take() {
                C::send(&ours, record).await;
            }
        }),
    }
}

/// `None` for the global one.
fn instrumentation(cell: &Cell) -> Option<Instrumentation> {
    let ours = Instrumentation::default().with_propagator(propagation::w3c());
    (cell.column != Column::Default).then_some(ours)
}

fn repeat<I>(cell: &Cell, input: impl Fn() -> I, work: impl AsyncFn(&mut I)) {
    let samples = cell.samples();
    let mut inputs: Vec<I> = (0..2 * samples).map(|_| input()).collect();
    let (before, counting) = inputs.split_at_mut(samples);
    let polling = Polling::default();
    for input in before {
        polling.run(work(input));
    }
    for input in counting {
        polling.count(work(input));
    }
}
