//! The work of a cell, done and counted.

use super::{
    Call, Polling, Processing, Receives, Sending, Sends, Setting, process, process_by_hand,
    process_without_span,
};
use crate::case::{Cell, Column, RULES, Work};
use crate::client::Client;
use crate::counted::counted;
use crate::sample::{self, Carried, Entries};
use opentelemetry::trace::{FutureExt, TraceContextExt, Tracer};
use opentelemetry::{Context, global};
use otel_messaging::trust::{IncomingPolicy, Messages, OutgoingPolicy};
use otel_messaging::{Instrumentation, propagation};
use std::pin::Pin;
use std::task::{self, Waker};

pub(super) const SPAN: Carried = Carried::SPAN;

impl Cell {
    /// Handles messages as often as is said, with fresh ones each time. As often again it is done before, uncounted.
    pub fn measure_handling<M: Receives>(&self) {
        let (setting, beside) = match self.row.work {
            Work::Call(Call::Process, setting, beside) => (setting, beside),
            Work::Rules(Call::Process) => (Setting::Recorded, 0),
            Work::Poll => return measure_poll::<M>(self),
            _ => return,
        };
        setting.install();
        let mut entries = SPAN.entries();
        entries.extend(sample::others(beside));
        process_messages::<M>(self, setting, &entries);
    }

    /// The same for sends, and for the handling.
    pub fn measure_call<C: Sends + Receives<Client = C>>(&self) {
        let (setting, beside) = match self.row.work {
            Work::Call(Call::Send, setting, beside) => (setting, beside),
            Work::Rules(Call::Send) => (Setting::Recorded, 0),
            _ => return self.measure_handling::<C>(),
        };
        setting.install();
        let others = sample::others(beside);
        send_messages::<C>(self, setting, &others);
    }
}

fn process_messages<M: Receives>(cell: &Cell, setting: Setting, entries: &Entries) {
    let message = || M::message(M::Client::received(entries));
    let tracer = global::tracer("benches");
    let metrics = Processing::new::<M>();
    let ours = instrumentation(cell);
    let around = [|| {}; 2];
    match (cell.column, setting) {
        (Column::Bound, Setting::Measured) => repeat(cell, around, message, async |message| {
            let work = process_without_span::<M>(message);
            metrics.measure(M::sent_at(message), work).await;
        }),
        (Column::Bound, Setting::RecordedAndMeasured) => {
            repeat(cell, around, message, async |message| {
                let work = process_by_hand::<M>(&tracer, message);
                metrics.measure(M::sent_at(message), work).await;
            });
        }
        (Column::Bound, _) => repeat(cell, around, message, async |message| {
            process_by_hand::<M>(&tracer, message).await;
        }),
        (Column::Wire, _) => repeat(cell, around, message, async |message| {
            process_without_span::<M>(message).await;
        }),
        _ => repeat(cell, around, message, async |message| {
            process::<M>(ours.as_ref(), message).await;
        }),
    }
}

fn send_messages<C: Sends>(cell: &Cell, setting: Setting, others: &Entries) {
    let sender = C::connect();
    let headers = || (!others.is_empty()).then(|| C::received(others));
    let record = || Some(C::record(headers()));
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
        (Column::Bare, _) => repeat(cell, around, record, async |record| {
            if let Some(record) = record.take() {
                C::send_bare(&sender, record).await;
            }
        }),
        (Column::Forced, _) => {
            let around = [|| {}; 2];
            repeat(cell, around, record, async |record| {
                if let Some(record) = record {
                    C::force(record);
                }
            });
        }
        _ => repeat(cell, around, record, async |record| {
            if let Some(record) = record.take() {
                C::send(&ours, record).await;
            }
        }),
    }
}

/// A handler that is not ready yet.
pub(super) async fn wait() {
    std::future::pending::<()>().await;
}

fn measure_poll<M: Receives>(cell: &Cell) {
    Setting::Recorded.install();
    let tracer = global::tracer("benches");
    let message = M::message(M::Client::received(&SPAN.entries()));
    let ours = instrumentation(cell).unwrap_or_default();
    let input = || -> Pin<Box<dyn Future<Output = ()>>> {
        match cell.column {
            Column::Bound => {
                let span = tracer.start("by hand");
                Box::pin(wait().with_context(Context::new().with_span(span)))
            }
            _ => Box::pin(ours.process(&message).run(wait())),
        }
    };
    polls(cell, input);
}

/// Polls each of the handlers twice; what the first poll does once is not counted.
pub(super) fn polls(cell: &Cell, input: impl Fn() -> Pin<Box<dyn Future<Output = ()>>>) {
    let mut cx = task::Context::from_waker(Waker::noop());
    let samples = cell.samples();
    let mut inputs: Vec<_> = (0..2 * samples).map(|_| input()).collect();
    for input in &mut inputs {
        let _ = input.as_mut().poll(&mut cx);
    }
    for (index, input) in inputs.iter_mut().enumerate() {
        if index < samples {
            let _ = input.as_mut().poll(&mut cx);
        } else {
            let _ = counted((input, &mut cx), |(input, cx)| input.as_mut().poll(cx));
        }
    }
}

/// `None` for the global one.
pub(super) fn instrumentation(cell: &Cell) -> Option<Instrumentation> {
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
pub(super) fn repeat<I>(
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
