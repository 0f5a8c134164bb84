//! What is measured: rows of work, and a column for each way to do it.

mod calls;
mod growth;
mod malformed;
mod measure;

pub use calls::{MOST_OF_RULES, RULES, calls, handled, traced};
pub use growth::Growth;
pub use malformed::Malformed;

use crate::call::{Call, Setting};
use crate::sample::Carried;
use std::env;

/// One line of the table, for each client.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Names the row in the table and in the kept results.
    pub name: &'static str,
    pub work: Work,
    pub limit: Limit,
    /// At most so many, where that is laid down.
    pub allocations: Option<u64>,
}

/// What ours has to reach in instructions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// So many times the instructions of the bound. The four numbers are for AMQP, Kafka, NATS and JetStream.
    Ratio([f64; 4]),
    /// So many, whatever the client.
    Absolute(u64),
    /// So many more than the bound, whatever the client.
    Beyond(u64),
    /// What is added to the client's own call: so many times what the column adds, and so many allocations more.
    Added {
        ratio: f64,
        to: Column,
        allocations: Option<u64>,
    },
    /// One of three sizes: no further entry may cost more than those before.
    Linear(usize),
    /// None but what is kept.
    Kept,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Into a new set of headers.
    Inject(Carried),
    /// From a message with so many other headers.
    Extract(Carried, usize),
    /// A context without span and baggage, into headers that are empty.
    InjectNothing,
    /// With `opentelemetry_sdk`'s trace context propagator, through our carriers.
    InjectForeign(Carried),
    ExtractForeign(Carried),
    /// Extract from bad headers, with good ones in the place of the bound.
    Refuse(Malformed),
    Grow(Growth, usize),
    /// What users call, whole, with so many other headers in the message.
    Call(Call, Setting, usize),
    /// The same with [`RULES`]. Spans are recorded.
    Rules(Call),
    /// One poll of a handler that is not ready. Spans are recorded.
    Poll,
    /// With `tracing`, the handling of a message.
    TracedProcess,
    /// With `tracing`, a poll.
    TracedPoll,
}

/// Ways to do the work of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Bound,
    Usual,
    /// A send by the client alone: without a context.
    Bare,
    /// A call without any span: what the message itself needs.
    Wire,
    /// What the client's types force upon an adapter, alone.
    Forced,
    Ours,
    /// Ours, without a propagator given: the global one is asked for first.
    Default,
}

#[derive(Debug, Clone, Copy)]
pub struct Cell {
    pub row: Row,
    pub column: Column,
}

const NOTHING: Carried = Carried {
    span: false,
    random: false,
    state: 0,
    baggage: 0,
};
const SPAN: Carried = Carried {
    span: true,
    ..NOTHING
};
const RANDOM: Carried = Carried {
    random: true,
    ..SPAN
};
const STATE_3: Carried = Carried { state: 3, ..SPAN };
const BAGGAGE_3: Carried = Carried { baggage: 3, ..SPAN };
const BAGGAGE_20: Carried = Carried {
    baggage: 20,
    ..SPAN
};

/// The rows of single steps. The benchmarks count their instructions and allocations.
pub fn rows() -> Vec<Row> {
    let row = |name, work, ratio: [f64; 4], allocations| Row {
        name,
        work,
        limit: Limit::Ratio(ratio),
        allocations,
    };
    let inject = |name, carried, ratio, count| row(name, Work::Inject(carried), ratio, Some(count));
    let extract = |name, carried, others, ratio, count| {
        row(
            name,
            Work::Extract(carried, others),
            [ratio; 4],
            Some(count),
        )
    };
    let foreign = |name, work| row(name, work, [1.02; 4], None);
    let mut rows = vec![
        inject(
            "inject, trace context only",
            SPAN,
            [1.15, 1.25, 1.15, 1.15],
            3,
        ),
        inject("inject, tracestate of 3", STATE_3, [1.25; 4], 5),
        inject("inject, baggage of 3", BAGGAGE_3, [1.25; 4], 5),
        inject("inject, baggage of 20", BAGGAGE_20, [1.25; 4], 5),
        extract("extract, trace context only", SPAN, 0, 1.25, 1),
        extract("extract, random trace id", RANDOM, 0, 1.25, 5),
        extract("extract, beside 5 other headers", SPAN, 5, 1.25, 1),
        extract("extract, beside 20 other headers", SPAN, 20, 1.25, 1),
        extract("extract, tracestate of 3", STATE_3, 0, 1.25, 8),
        extract("extract, baggage of 3", BAGGAGE_3, 0, 1.25, 11),
        extract("extract, baggage of 20", BAGGAGE_20, 0, 1.25, 48),
        extract("no context, no other header", NOTHING, 0, 1.3, 0),
        extract("no context, 5 other headers", NOTHING, 5, 1.3, 0),
        Row {
            name: "no active span",
            work: Work::InjectNothing,
            limit: Limit::Absolute(60),
            allocations: Some(0),
        },
        foreign(
            "foreign inject, trace context only",
            Work::InjectForeign(SPAN),
        ),
        foreign(
            "foreign inject, tracestate of 3",
            Work::InjectForeign(STATE_3),
        ),
        foreign(
            "foreign extract, trace context only",
            Work::ExtractForeign(SPAN),
        ),
        foreign(
            "foreign extract, tracestate of 3",
            Work::ExtractForeign(STATE_3),
        ),
    ];
    let refused = malformed::ALL.into_iter();
    rows.extend(refused.map(|(name, what)| row(name, Work::Refuse(what), [3.0; 4], None)));
    rows
}

/// The rows of three sizes each. The benchmarks count only their instructions.
pub fn growing() -> Vec<Row> {
    let rows = growth::ALL.into_iter().flat_map(|(name, what, sizes)| {
        sizes.map(|size| Row {
            name,
            work: Work::Grow(what, size),
            limit: Limit::Linear(size),
            allocations: None,
        })
    });
    rows.collect()
}

/// If this variable is set, what people usually write is not counted: no figure depends on it.
pub const WITHOUT_USUAL: &str = "BENCHES_WITHOUT_USUAL";

/// The cells of these rows, always in the same order.
pub fn cells(rows: Vec<Row>) -> Vec<Cell> {
    let has_usual = env::var_os(WITHOUT_USUAL).is_none();
    let cells = rows.into_iter().flat_map(|row| {
        let columns: &[Column] = match row.work {
            Work::Inject(_) | Work::Extract(..) => {
                &[Column::Bound, Column::Usual, Column::Ours, Column::Default]
            }
            Work::InjectNothing => &[Column::Ours, Column::Default],
            Work::InjectForeign(_)
            | Work::ExtractForeign(_)
            | Work::Refuse(_)
            | Work::Poll
            | Work::TracedPoll => &[Column::Bound, Column::Ours],
            Work::TracedProcess => &[Column::Wire, Column::Bound, Column::Ours],
            Work::Grow(..) | Work::Rules(_) => &[Column::Ours],
            Work::Call(call, setting, others) => calls::columns(call, setting, others),
        };
        columns.iter().map(move |column| Cell {
            row,
            column: *column,
        })
    });
    cells
        .filter(|cell| has_usual || cell.column != Column::Usual)
        .collect()
}
