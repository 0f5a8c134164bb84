//! Headers that have to be refused, each with a good one of the same length.

use crate::sample::{Entries, TRACEPARENT, entry};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    NotHex,
    UpperCase,
    TooShort,
    TooLong,
    Contradiction,
    StateAtItsEnd,
    StateKeyTwice,
    BaggageThroughout,
    BaggageAtItsEnd,
    /// So many bytes of `-`.
    TraceparentOfDashes(usize),
    StateOfDashes(usize),
    BaggageOfDashes(usize),
}

const KIB: usize = 1024;

/// In the order of the table.
pub(super) const ALL: [(&str, Malformed); 15] = [
    ("traceparent, not hex", Malformed::NotHex),
    ("traceparent, upper case", Malformed::UpperCase),
    ("traceparent, a digit too few", Malformed::TooShort),
    ("traceparent, a digit too many", Malformed::TooLong),
    (
        "traceparent, 1 KiB of -",
        Malformed::TraceparentOfDashes(KIB),
    ),
    (
        "traceparent, 8 KiB of -",
        Malformed::TraceparentOfDashes(8 * KIB),
    ),
    ("two traceparents that differ", Malformed::Contradiction),
    ("tracestate, bad at its end", Malformed::StateAtItsEnd),
    ("tracestate, a key twice", Malformed::StateKeyTwice),
    ("tracestate, 1 KiB of -", Malformed::StateOfDashes(KIB)),
    ("tracestate, 8 KiB of -", Malformed::StateOfDashes(8 * KIB)),
    ("baggage, bad throughout", Malformed::BaggageThroughout),
    ("baggage, bad at its end", Malformed::BaggageAtItsEnd),
    ("baggage, 1 KiB of -", Malformed::BaggageOfDashes(KIB)),
    ("baggage, 8 KiB of -", Malformed::BaggageOfDashes(8 * KIB)),
];

impl Malformed {
    /// Good headers of the same length.
    pub fn good(self) -> Entries {
        match self {
            // As close to it as a good one comes.
            Self::NotHex | Self::UpperCase | Self::TooShort | Self::TooLong => parent(TRACEPARENT),
            Self::Contradiction => {
                vec![
                    entry("Traceparent", TRACEPARENT),
                    entry("traceparent", TRACEPARENT),
                ]
            }
            Self::StateAtItsEnd | Self::StateKeyTwice => state(&members(600, 32)),
            Self::BaggageThroughout | Self::BaggageAtItsEnd => baggage(&members(600, 32)),
            Self::TraceparentOfDashes(size) => {
                // A version of the future may be longer.
                let later = format!("01{}-", &TRACEPARENT[2..]);
                parent(&format!("{later:x<size$}"))
            }
            Self::StateOfDashes(size) => state(&members(size, 32)),
            Self::BaggageOfDashes(size) => baggage(&members(size, 64)),
        }
    }

    pub fn bad(self) -> Entries {
        match self {
            Self::NotHex => parent(&TRACEPARENT.replace("36-", "3g-")),
            Self::UpperCase => parent(&TRACEPARENT.to_uppercase()),
            Self::TooShort => parent(&TRACEPARENT[..54]),
            Self::TooLong => parent(&format!("{TRACEPARENT}0")),
            Self::Contradiction => vec![
                entry("Traceparent", &TRACEPARENT.replace("4bf9", "4bfa")),
                entry("traceparent", TRACEPARENT),
            ],
            Self::StateAtItsEnd => state(&members(600, 32).replace("key31", "KEY31")),
            Self::StateKeyTwice => state(&members(600, 32).replace("key31", "key00")),
            Self::BaggageThroughout => baggage(&members(600, 32).replace("key", "k@y")),
            Self::BaggageAtItsEnd => baggage(&members(600, 32).replace("key31", "k@y31")),
            Self::TraceparentOfDashes(size) => parent(&"-".repeat(size)),
            Self::StateOfDashes(size) => state(&"-".repeat(size)),
            Self::BaggageOfDashes(size) => baggage(&"-".repeat(size)),
        }
    }
}

fn parent(value: &str) -> Entries {
    vec![entry("traceparent", value)]
}

fn state(value: &str) -> Entries {
    vec![
        entry("traceparent", TRACEPARENT),
        entry("tracestate", value),
    ]
}

fn baggage(value: &str) -> Entries {
    vec![entry("baggage", value)]
}

/// A good list of so many members, exactly `size` bytes long.
fn members(size: usize, count: usize) -> String {
    let mut list = String::with_capacity(size);
    for index in 0..count {
        if index > 0 {
            list.push(',');
        }
        list.push_str(&format!("key{index:02}="));
        let end = size * (index + 1) / count;
        while list.len() < end {
            list.push('v');
        }
    }
    list
}
