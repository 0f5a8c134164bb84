//! Whole calls, as users make them.

use super::{Column, Limit, Row, Work};
use crate::call::{Call, Setting};

/// How many rules an instrumentation has that has any.
pub const RULES: usize = 100;

/// What [`RULES`] may cost each message, in instructions.
pub const MOST_OF_RULES: u64 = 200;

use Call::{Process, Send};
use Setting::{Measured, NoSdk, NotSampled, Recorded, RecordedAndMeasured};

/// In the order of the table.
const CALLS: [(&str, Call, Setting, usize); 16] = [
    ("process, no SDK", Process, NoSdk, 0),
    ("process, no SDK, beside 5 headers", Process, NoSdk, 5),
    ("process, no SDK, beside 20 headers", Process, NoSdk, 20),
    ("process, not sampled", Process, NotSampled, 0),
    ("process, recorded", Process, Recorded, 0),
    ("process, measured", Process, Measured, 0),
    (
        "process, recorded and measured",
        Process,
        RecordedAndMeasured,
        0,
    ),
    ("send, no SDK", Send, NoSdk, 0),
    ("send, no SDK, beside 5 headers", Send, NoSdk, 5),
    ("send, no SDK, beside 20 headers", Send, NoSdk, 20),
    ("send, not sampled", Send, NotSampled, 0),
    ("send, recorded", Send, Recorded, 0),
    ("send, recorded, beside 5 headers", Send, Recorded, 5),
    ("send, recorded, beside 20 headers", Send, Recorded, 20),
    ("send, measured", Send, Measured, 0),
    ("send, recorded and measured", Send, RecordedAndMeasured, 0),
];

/// What ours has to reach.
fn limit(setting: Setting, others: usize) -> Limit {
    let (ratio, to, allocations) = match (setting, others) {
        (Measured | RecordedAndMeasured, _) => return Limit::Kept,
        (NoSdk, 0) => (1.15, Column::Wire, Some(0)),
        (NoSdk, _) => (1.3, Column::Wire, None),
        (NotSampled, _) => (1.1, Column::Bound, None),
        (Recorded, 0) => (1.15, Column::Bound, Some(3)),
        (Recorded, _) => (1.3, Column::Bound, None),
    };
    Limit::Added {
        ratio,
        to,
        allocations,
    }
}

/// The ways to make a call. The client's own call and the limit are the same in each setting.
pub(super) fn columns(call: Call, setting: Setting, others: usize) -> &'static [Column] {
    match (call, setting, others) {
        (Process, NoSdk, 0) => &[Column::Wire, Column::Ours, Column::Default],
        (Process, NoSdk, _) => &[Column::Wire, Column::Ours],
        (Send, NoSdk, 0) => &[Column::Bare, Column::Wire, Column::Ours, Column::Default],
        (Send, NoSdk, _) => &[Column::Bare, Column::Wire, Column::Forced, Column::Ours],
        (_, NotSampled | Recorded, 0) => &[Column::Bound, Column::Ours, Column::Default],
        _ => &[Column::Bound, Column::Ours],
    }
}

/// The rows of whole calls. The benchmarks count instructions and allocations.
pub fn calls() -> Vec<Row> {
    let mut rows: Vec<_> = CALLS
        .into_iter()
        .map(|(name, call, setting, others)| {
            row(
                name,
                Work::Call(call, setting, others),
                limit(setting, others),
            )
        })
        .collect();
    let most = Limit::Beyond(MOST_OF_RULES);
    rows.push(row("process, rules", Work::Rules(Process), most));
    rows.push(row("send, rules", Work::Rules(Send), most));
    rows.push(row("a poll", Work::Poll, Limit::Ratio([1.1; 4])));
    rows
}

/// The rows of a client whose sends are not counted.
pub fn handled() -> Vec<Row> {
    let is_handled = |row: &Row| matches!(row.work, Work::Call(Process, _, 0));
    calls().into_iter().filter(is_handled).collect()
}

/// The rows with `tracing`, of a benchmark of their own.
pub fn traced() -> Vec<Row> {
    let process = Limit::Added {
        ratio: 1.25,
        to: Column::Wire,
        allocations: None,
    };
    vec![
        row("process, tracing", Work::TracedProcess, process),
        row("a poll, tracing", Work::TracedPoll, Limit::Ratio([1.2; 4])),
    ]
}

fn row(name: &'static str, work: Work, limit: Limit) -> Row {
    Row {
        name,
        work,
        limit,
        allocations: None,
    }
}
