//! The work of a cell, done and counted.

use super::{
    Call, Calls, Polling, Processing, Sending, Setting, process, process_by_hand,
    process_without_span,
};
use crate::case::{Cell, Column, RULES, Work};
use crate::sample::Carried;
use opentelemetry::global;
use otel_messaging::trust::{IncomingPolicy, Messages, OutgoingPolicy};
use otel_messaging::{Instrumentation, propagation};

const SPAN: Carried = Carried::SPAN;

impl Cell {
    /// Does the work of a call as often as is said, with fresh inputs each time. As often again it is
    /// done before, uncounted.
    pub fn measure_call<C: Calls>(&self) {
        let (call, setting) = match self.row.work {
            Work::Call(call, setting) => (call, setting),
            Work::Rules(call) => (call, Setting::Recorded),
            _ => return,
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
    match (way(cell), setting) {
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
    match (way(cell), setting) {
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

/// Without and with rules are both ways of ours.
fn way(cell: &Cell) -> Column {
    match cell.row.work {
        Work::Rules(_) => Column::Ours,
        _ => cell.column,
    }
}

/// `None` for the global one.
fn instrumentation(cell: &Cell) -> Option<Instrumentation> {
    let mut ours = Instrumentation::builder().with_propagator(propagation::w3c());
    if matches!((cell.row.work, cell.column), (Work::Rules(_), Column::Ours)) {
        for number in 1..RULES {
            ours = ours
                .with_incoming(others(number), IncomingPolicy::RestartWithLink)
                .with_outgoing(others(number), OutgoingPolicy::Suppress);
        }
        ours = ours
            .with_incoming(Messages::all(), IncomingPolicy::Continue)
            .with_outgoing(Messages::all(), OutgoingPolicy::Inject);
    }
    (cell.column != Column::Default).then(|| ours.build())
}

/// Messages that do not come.
fn others(number: usize) -> Messages {
    match number % 3 {
        0 => Messages::to(format!("billing-{number}.new")),
        1 => Messages::to_prefix(format!("partner-{number}.")),
        _ => Messages::to_pattern(format!("tenant-{number}.{{name}}.new")),
    }
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
