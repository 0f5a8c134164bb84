//! What was measured of a row.

pub(crate) struct Line {
    pub name: &'static str,
    /// In each round: bare, by hand and ours.
    pub rates: Vec<[Rate; 3]>,
    /// Bare, by hand and ours.
    pub allocated: [Allocated; 3],
    /// Sizes of payloads, and how many bytes ours allocates for such a message beyond the bare client.
    pub payloads: Vec<(usize, f64)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// Per second.
    pub messages: f64,
    /// The processor's time for a message, in seconds.
    pub cpu: f64,
}

/// For each message.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Allocated {
    pub times: f64,
    pub bytes: f64,
}

/// The median of several rounds, and their range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

/// What is to be reached of the rate by hand.
pub(crate) const RATE: f64 = 0.95;

/// By how many bytes a message the figures for two payloads may differ: the clients' own queues grow at other
/// times. A copy of the middle payload would be ten times as much.
pub(crate) const TOLERANCE: f64 = 1024.0;

impl Line {
    /// The rate of one way.
    pub(crate) fn rate(&self, way: usize) -> Spread {
        Spread::of(self.rates.iter().map(|rate| rate[way].messages).collect())
    }

    /// Ours by hand's, of each pair.
    pub(crate) fn ratio(&self) -> Spread {
        let rates = self.rates.iter();
        let ratios = rates.map(|[_, by_hand, ours]| ours.messages / by_hand.messages);
        Spread::of(ratios.collect())
    }

    /// The processor's time for a message, in seconds.
    pub(crate) fn cpu(&self, way: usize) -> Spread {
        Spread::of(self.rates.iter().map(|rate| rate[way].cpu).collect())
    }

    pub(crate) fn is_fast(&self) -> bool {
        // To the second decimal, as it is shown.
        (self.ratio().median * 100.0).round() / 100.0 >= RATE
    }

    /// Whether the payload is never copied.
    pub(crate) fn leaves_the_payload(&self) -> bool {
        let bytes = || self.payloads.iter().map(|(_, bytes)| *bytes);
        let least = bytes().fold(f64::INFINITY, f64::min);
        bytes().all(|bytes| bytes - least <= TOLERANCE)
    }
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let middle = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        let (half, rest) = (figures.len() / 2, figures.len() % 2);
        let lower = if rest == 0 {
            half.saturating_sub(1)
        } else {
            half
        };
        Self {
            least: middle(0),
            median: f64::midpoint(middle(lower), middle(half)),
            most: figures.last().copied().unwrap_or(f64::NAN),
        }
    }
}
