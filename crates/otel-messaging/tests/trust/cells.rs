//! The table of TRUST.md: how a message is handled, by its policy and by what arrives.

use otel_messaging::trust::IncomingPolicy;
use std::collections::HashSet;

const PAGE: &str = include_str!("../../TRUST.md");

/// The sender of each message in [`Arrives::headers`]: trace id and span id.
pub(crate) const SENDER: [&str; 2] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
/// The second sender of a message with contradicting contexts.
pub(crate) const OTHER_SENDER: [&str; 2] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
/// The `baggage` of a message that has one, and the `tracestate`.
pub(crate) const BAGGAGE: &str = "tenant=acme";
pub(crate) const TRACESTATE: &str = "vendor=chosen-by-sender";

/// One cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) policy: IncomingPolicy,
    pub(crate) arrives: Arrives,
    pub(crate) expected: Expected,
}

/// What the headers of a message have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Arrives {
    Nothing,
    Sampled,
    NotSampled,
    Malformed,
    Contradicting,
    /// Beside a valid `traceparent` whose flag is set.
    Baggage,
    /// Beside a valid `traceparent` whose flag is set.
    Tracestate,
}

/// What a cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The handling's span is in a new trace, for which the sampler decides.
    Root(Links),
    /// The handling's span is in the sender's trace.
    Child { sampled: Sampled, is_warned: bool },
    /// What came beside the `traceparent` counts.
    Kept,
    /// It does not count, and does not go out.
    Dropped,
}

/// The senders to which a root is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    None,
    One,
    Each,
}

/// Whether a child is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sampled {
    Yes,
    No,
    /// As the sampler decides for a root.
    BySampler,
}

impl Arrives {
    /// The headers of such a message. Contexts that contradict each other are in two spellings, because lapin takes
    /// one value of each name. Neither is in lower case, which would count on RabbitMQ.
    pub(crate) fn headers(self) -> Vec<(&'static str, String)> {
        let traceparent =
            |[trace, span]: [&str; 2], flags: &str| format!("00-{trace}-{span}-{flags}");
        let sampled = ("traceparent", traceparent(SENDER, "01"));
        match self {
            Self::Nothing => Vec::new(),
            Self::Sampled => vec![sampled],
            Self::NotSampled => vec![("traceparent", traceparent(SENDER, "00"))],
            Self::Malformed => vec![("traceparent", traceparent([SENDER[0], "no-span-id"], "01"))],
            Self::Contradicting => vec![
                ("Traceparent", sampled.1),
                ("TRACEPARENT", traceparent(OTHER_SENDER, "01")),
            ],
            Self::Baggage => vec![sampled, ("baggage", BAGGAGE.into())],
            Self::Tracestate => vec![sampled, ("tracestate", TRACESTATE.into())],
        }
    }

    /// The column with this title.
    fn of_column(title: &str) -> Self {
        match title {
            "nothing" => Self::Nothing,
            "sampled" => Self::Sampled,
            "not sampled" => Self::NotSampled,
            "malformed" => Self::Malformed,
            "contradicting" => Self::Contradicting,
            "baggage" => Self::Baggage,
            "tracestate" => Self::Tracestate,
            _ => panic!("a column {title:?}"),
        }
    }
}

impl Expected {
    fn of_words(words: &str) -> Self {
        let words: Vec<_> = words.split(", ").collect();
        let child = |sampled, is_warned| Self::Child { sampled, is_warned };
        match words[..] {
            ["root"] => Self::Root(Links::None),
            ["root", "a link"] => Self::Root(Links::One),
            ["root", "a link to each"] => Self::Root(Links::Each),
            ["child", "sampled"] => child(Sampled::Yes, false),
            ["child", "sampled", "a warning"] => child(Sampled::Yes, true),
            ["child", "not sampled"] => child(Sampled::No, false),
            ["child", "not sampled", "a warning"] => child(Sampled::No, true),
            ["child", "the sampler decides"] => child(Sampled::BySampler, false),
            ["kept"] => Self::Kept,
            ["dropped"] => Self::Dropped,
            _ => panic!("a cell says {words:?}"),
        }
    }

    fn is_of_what_came_beside(self) -> bool {
        matches!(self, Self::Kept | Self::Dropped)
    }
}

/// All cells.
///
/// # Panics
///
/// If the page has no such table, or one with words that are not known here.
pub(crate) fn cells() -> Vec<Cell> {
    let mut rows = PAGE
        .lines()
        .map(row)
        .skip_while(|row| row.get(1) != Some(&"nothing"));
    let titles = rows.next().expect("TRUST.md has the table");
    let line = rows.next().expect("a line below the titles");
    assert!(line.iter().all(|it| *it == "---"), "{line:?}");
    let columns: Vec<_> = titles[1..]
        .iter()
        .map(|it| Arrives::of_column(it))
        .collect();

    let mut cells = Vec::new();
    for row in rows.take_while(|row| !row.is_empty()) {
        assert_eq!(row.len(), titles.len(), "{row:?}");
        let policy = policy(row[0]);
        for (arrives, words) in columns.iter().copied().zip(&row[1..]) {
            let expected = Expected::of_words(words);
            let is_beside = matches!(arrives, Arrives::Baggage | Arrives::Tracestate);
            assert_eq!(
                expected.is_of_what_came_beside(),
                is_beside,
                "{policy:?}, {arrives:?}: {words}"
            );
            cells.push(Cell {
                policy,
                arrives,
                expected,
            });
        }
    }
    let places: HashSet<_> = cells
        .iter()
        .map(|cell| (cell.policy, cell.arrives))
        .collect();
    assert_eq!((cells.len(), places.len()), (5 * 7, 5 * 7));
    cells
}

/// The cells of a line, if it is one of a table.
fn row(line: &str) -> Vec<&str> {
    let cells = line
        .strip_prefix("| ")
        .and_then(|line| line.strip_suffix(" |"));
    cells.map_or_else(Vec::new, |cells| cells.split(" | ").collect())
}

/// The policy that a row is about.
fn policy(words: &str) -> IncomingPolicy {
    let (name, is_default) = match words.strip_suffix(" (default)") {
        Some(name) => (name, true),
        None => (words, false),
    };
    let policy = match name {
        "`Continue`" => IncomingPolicy::Continue,
        "`ContinueAndWarn`" => IncomingPolicy::ContinueAndWarn,
        "`Resample`" => IncomingPolicy::Resample,
        "`RestartWithLink`" => IncomingPolicy::RestartWithLink,
        "`RestartWithoutLink`" => IncomingPolicy::RestartWithoutLink,
        _ => panic!("a row for {name:?}"),
    };
    assert_eq!(is_default, policy == IncomingPolicy::default(), "{words}");
    policy
}
