//! What must cost no more per header or entry the more there are.

use super::{BAGGAGE_3, SPAN};
use crate::sample::{Carried, Entries, TRACEPARENT, entry, others};

/// What there is ever more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// Other headers, beside a context that comes in.
    OthersOfExtract,
    /// Other headers of a message that a context is written into.
    OthersOfInject,
    /// The same of a message that came with a context.
    OthersOfRelay,
    /// The same where that context is spelt otherwise.
    OthersOfSpelling,
    StateIn,
    StateOut,
    BaggageIn,
    BaggageOut,
    /// Members of tracestate, many more than allowed.
    HostileState,
    HostileBaggage,
    HostileCommas,
    /// Spellings of one name.
    HostileTraceparents,
    HostileStates,
    HostileRelay,
    /// The first of many spellings, ever longer.
    HostileLength,
}

const HEADERS: [usize; 3] = [10, 100, 1000];
const STATE: [usize; 3] = [2, 8, 32];
const BAGGAGE: [usize; 3] = [4, 16, 64];

/// In the order of the table, with three sizes each.
pub(super) const ALL: [(&str, Growth, [usize; 3]); 15] = [
    (
        "extract beside other headers",
        Growth::OthersOfExtract,
        HEADERS,
    ),
    (
        "inject beside other headers",
        Growth::OthersOfInject,
        HEADERS,
    ),
    ("inject over an old context", Growth::OthersOfRelay, HEADERS),
    (
        "inject over other spellings",
        Growth::OthersOfSpelling,
        HEADERS,
    ),
    ("extract tracestate", Growth::StateIn, STATE),
    ("inject tracestate", Growth::StateOut, STATE),
    ("extract baggage", Growth::BaggageIn, BAGGAGE),
    ("inject baggage", Growth::BaggageOut, BAGGAGE),
    (
        "hostile: members of tracestate",
        Growth::HostileState,
        HEADERS,
    ),
    (
        "hostile: members of baggage",
        Growth::HostileBaggage,
        HEADERS,
    ),
    ("hostile: empty members", Growth::HostileCommas, HEADERS),
    (
        "hostile: spellings of traceparent",
        Growth::HostileTraceparents,
        HEADERS,
    ),
    (
        "hostile: spellings of tracestate",
        Growth::HostileStates,
        HEADERS,
    ),
    (
        "hostile: a long traceparent and many",
        Growth::HostileLength,
        HEADERS,
    ),
    (
        "hostile: spellings to replace",
        Growth::HostileRelay,
        HEADERS,
    ),
];

impl Growth {
    /// The headers to begin with.
    pub fn entries(self, size: usize) -> Entries {
        match self {
            Self::OthersOfExtract | Self::OthersOfRelay => with(BAGGAGE_3.entries(), others(size)),
            Self::OthersOfInject => others(size),
            Self::OthersOfSpelling => {
                let old = vec![entry("Traceparent", TRACEPARENT), entry("Baggage", "a=1")];
                with(old, others(size))
            }
            Self::StateIn => Carried {
                state: size,
                ..SPAN
            }
            .entries(),
            Self::BaggageIn => Carried {
                baggage: size,
                ..SPAN
            }
            .entries(),
            Self::StateOut | Self::BaggageOut => Entries::new(),
            Self::HostileState => with(SPAN.entries(), vec![entry("tracestate", &members(size))]),
            Self::HostileBaggage => with(SPAN.entries(), vec![entry("baggage", &members(size))]),
            Self::HostileCommas => {
                let commas = ",".repeat(size);
                let lists = vec![entry("tracestate", &commas), entry("baggage", &commas)];
                with(SPAN.entries(), lists)
            }
            Self::HostileTraceparents | Self::HostileRelay => {
                spellings("traceparent", size, TRACEPARENT)
            }
            Self::HostileLength => {
                let mut entries = spellings("traceparent", size, TRACEPARENT);
                entries[0]
                    .1
                    .insert_str(0, &" ".repeat(size * TRACEPARENT.len()));
                entries
            }
            Self::HostileStates => with(SPAN.entries(), spellings("tracestate", size, "k=1")),
        }
    }

    /// What is written into them; if nothing, they are read.
    pub fn injected(self, size: usize) -> Option<Carried> {
        match self {
            Self::OthersOfInject => Some(BAGGAGE_3),
            Self::OthersOfRelay | Self::OthersOfSpelling | Self::HostileRelay => Some(SPAN),
            Self::StateOut => Some(Carried {
                state: size,
                ..SPAN
            }),
            Self::BaggageOut => Some(Carried {
                baggage: size,
                ..SPAN
            }),
            _ => None,
        }
    }
}

fn with(mut entries: Entries, others: Entries) -> Entries {
    entries.extend(others);
    entries
}

fn members(count: usize) -> String {
    let members = (0..count).map(|index| format!("k{index}=1"));
    members.collect::<Vec<_>>().join(",")
}

/// A name of ten letters can be spelt in 1,024 ways.
fn spellings(name: &str, count: usize, value: &str) -> Entries {
    let spell = |number: usize| {
        let letters = name.char_indices().map(|(place, letter)| {
            let upper = number >> place & 1 == 1;
            if upper {
                letter.to_ascii_uppercase()
            } else {
                letter
            }
        });
        letters.collect::<String>()
    };
    (0..count)
        .map(|number| entry(&spell(number), value))
        .collect()
}
