//! The work of a cell, done and counted.

use super::{
    Call, Calls, Polling, Processing, Sending, Setting, process, process_by_hand,
    process_without_span,
};
use crate::case::{Cell, Column, Work};
use crate::sample::Carried;
use opentelemetry::global;
use otel_messaging::{Instrumentation, propagation};

const SPAN: Carried = Carried {
    span: true,
    random: false,
    state: 0,
    baggage: 0,
};

impl Cell {
    /// Does the work of a call as often as is said, with fresh inputs each time. As often again it is
    /// done before, uncounted.
    pub fn measure_call<C: Calls>(&self) {
        let Work::Call(call, setting) = self.row.work else {
            return;
        };
        setting.install();
        match call {
            Call::Process => process_messages::<C>(self, setting),
            Call::Send => send_messages::<C>(self, setting),
        }
    }
}

fn process_messages<C: Calls>(cell: &Cell, setting: Setting) {
    let message = || C::message(C::received(&SPAN.entries()));
    let tracer = global::tracer("benches");
    let metrics = Processing::new::<C>();
    let ours = instrumentation(cell);
    let around = [|| {}; 2];
    match (cell.column, setting) {
        (Column::Bound, Setting::Measured) => repeat(cell, around, message, async |message| {
            let work = process_without_span::<C>(message);
            metrics.measure(C::sent_at(message), work).await;
        }),
        (Column::Bound, Setting::RecordedAndMeasured) => {
            repeat(cell, around, message, async |message| {
                let work = process_by_hand::<C>(&tracer, message);
                metrics.measure(C::sent_at(message), work).await;
            });
        }
        (Column::Bound, _) => repeat(cell, around, message, async |message| {
            process_by_hand::<C>(&tracer, message).await;
        }),
        (Column::Wire, _) => repeat(cell, around, message, async |message| {
            process_without_span::<C>(message).await;
        }),
        _ => repeat(cell, around, message, async |message| {
            process::<C>(ours.as_ref(), message).await;
        }),
    }
}

fn send_messages<C: Calls>(cell: &Cell, setting: Setting) {
    let sender = C::connect();
    let record = || Some(C::record());
    let tracer = global::tracer("benches");
    let metrics = Sending::new::<C>(&sender);
    let ours = C::injecting(&sender, instrumentation(cell));
    let around: [&dyn Fn(); 2] = [&|| C::hold(&sender), &|| C::release(&sender)];
    let _current = SPAN.context().attach();
    match (cell.column, setting) {
        (Column::Bound, Setting::Measured) => repeat(cell, around, record, async |record| {
            if let Some(record) = record.take() {
                let work = C::send_without_span(&sender, record);
                metrics.measure(work).await;
            }
        }),
        (Column::Bound, Setting::RecordedAndMeasured) => {
            repeat(cell, around, record, async |record| {
                if let Some(record) = record.take() {
                    let work = C::send_by_hand(&sender, &tracer, record);
                    metrics.measure(work).await;
                }
            });
        }
        (Column::Bound, _) => repeat(cell, around, record, async |record| {
            if let Some(record) = record.take() {
                C::send_by_hand(&sender, &tracer, record).await;
            }
        }),
        (Column::Wire, _) => repeat(cell, around, record, async |record| {
            if let Some(record) = record.take() {
                C::send_without_span(&sender, record).await;
            }
        }),
        _ => repeat(cell, around, record, async |record| {
            if let Some(record) = record.take() {
                C::send(&ours, record).await;
            }
        }),
    }
}

/// `None` for the global one.
fn instrumentation(cell: &Cell) -> Option<Instrumentation> {
    let ours = Instrumentation::builder()
        .with_propagator(propagation::w3c())
        .build();
    (cell.column != Column::Default).then_some(ours)
}

/// `before` is called before the work, `pending` where it has to wait.
fn repeat<I>(
    cell: &Cell,
    [before, pending]: [impl Fn(); 2],
    input: impl Fn() -> I,
    work: impl AsyncFn(&mut I),
) {
    let samples = cell.samples();
    let mut inputs: Vec<I> = (0..2 * samples).map(|_| input()).collect();
    let polling = Polling::default();
    for (index, input) in inputs.iter_mut().enumerate() {
        before();
        if index < samples {
            polling.run(work(input), &pending);
        } else {
            polling.count(work(input), &pending);
        }
    }
}
