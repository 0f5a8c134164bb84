//! What a carrier has to do.

use std::fmt;

/// One of the rules of a carrier; shown as a whole sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// About the [`Subject`](super::Subject) itself: it lists the headers that it has built.
    Subject,
    /// Look-up ignores ASCII case.
    LookUp,
    /// `get_all` gives every readable value in order.
    GetAll,
    /// Equal duplicates count as one.
    EqualDuplicates,
    /// Differing duplicates are no value, or what the subject declares.
    DifferingDuplicates,
    /// What is no text reads as absent.
    Unreadable,
    /// `keys` lists the readable names.
    Keys,
    /// `get_each` agrees with `get_all`.
    GetEach,
    /// A context is read from the headers.
    Context,
    /// Malformed, unreadable and contradicting contexts are not.
    HostileContext,
    /// Of several contexts, the one that counts comes with its own fields.
    FieldSets,
    /// OpenTelemetry's `Extractor` sees what is seen without it.
    Extractor,
    /// Reading copes with a thousand headers.
    ReadAmongMany,
    /// `set` replaces every value and spelling.
    SetReplaces,
    /// What was set is read back.
    ReadBack,
    /// `set` refuses or represents what it is given.
    SetRefuses,
    /// `add` does what `set` does where the name is not there.
    Add,
    /// `remove` takes every spelling and every value.
    Remove,
    /// The other headers keep their bytes and their order.
    OthersKept,
    /// Writing copes with a thousand headers.
    WriteAmongMany,
    /// `left_of` counts what headers take.
    Room,
    /// What is injected is extracted.
    RoundTrip,
    /// An injected context replaces the one that stands there.
    StaleContext,
    /// OpenTelemetry's `Injector` writes what is written without it.
    Injector,
}

impl Rule {
    /// All of them, in the order in which they are tried.
    pub const ALL: &'static [Rule] = &[
        Rule::Subject,
        Rule::LookUp,
        Rule::GetAll,
        Rule::EqualDuplicates,
        Rule::DifferingDuplicates,
        Rule::Unreadable,
        Rule::Keys,
        Rule::GetEach,
        Rule::Context,
        Rule::HostileContext,
        Rule::FieldSets,
        Rule::Extractor,
        Rule::ReadAmongMany,
        Rule::SetReplaces,
        Rule::ReadBack,
        Rule::SetRefuses,
        Rule::Add,
        Rule::Remove,
        Rule::OthersKept,
        Rule::WriteAmongMany,
        Rule::Room,
        Rule::RoundTrip,
        Rule::StaleContext,
        Rule::Injector,
    ];
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::Subject => {
                "The subject builds a header of plain text, and lists each header that it has \
                 built, in order, with bytes that tell its value from another."
            }
            Rule::LookUp => "Look-up finds a header in any ASCII case, and no other header.",
            Rule::GetAll => {
                "`get_all` gives every readable value of a name in all its spellings, in the \
                 order of the headers."
            }
            Rule::EqualDuplicates => "`get` counts equal duplicates as one.",
            Rule::DifferingDuplicates => {
                "`get` gives no value where duplicates differ, or the one that the subject \
                 declares."
            }
            Rule::Unreadable => {
                "A value that is null, not UTF-8 or of a type that is no text reads as absent, \
                 and does not hide a readable one."
            }
            Rule::Keys => "`keys` lists every readable name, and nothing else.",
            Rule::GetEach => {
                "`get_each` gives the bytes of what `get_all` gives, and is `None` where one of its \
                 names stands there several times, and only there."
            }
            Rule::Context => "A context in the headers is extracted whole, in any spelling.",
            Rule::HostileContext => {
                "A malformed or unreadable context is not extracted; of several that differ none \
                 is, or the one that the subject declares."
            }
            Rule::FieldSets => {
                "Of several contexts, the one that counts is extracted with the tracestate and the \
                 baggage that came with it; of those that contradict each other nothing is, and \
                 `contexts` tells the senders. What is malformed or empty does not count beside a \
                 context. Where the exact name counts first, it does for each field."
            }
            Rule::Extractor => {
                "A propagator that reads through `CarrierExtractor` extracts what `extract` does."
            }
            Rule::ReadAmongMany => "A header is found among a thousand others.",
            Rule::SetReplaces => {
                "`set` writes the header once, in place of every old value and every spelling."
            }
            Rule::ReadBack => "What `set` has written is read back the same, alone.",
            Rule::SetRefuses => {
                "`set` writes the name and the value that it is given, or refuses them and leaves \
                 the header absent."
            }
            Rule::Add => {
                "`add` gives the answer of `set`, and leaves the same headers, where the name \
                 does not stand there."
            }
            Rule::Remove => {
                "`remove` takes every value of each of its names, in every spelling, readable or \
                 not."
            }
            Rule::OthersKept => {
                "The other headers keep their bytes and their order under `set` and `remove`."
            }
            Rule::WriteAmongMany => {
                "A header is written and removed among a thousand others, which stay."
            }
            Rule::Room => {
                "`left_of` counts the name and the value of every header, and for a header that `add` \
                 writes at most `PER_HEADER` bytes more, the first one included. `remove` gives them \
                 back. Headers fit into a room of their own size, and into none that is smaller. The \
                 room may have any size."
            }
            Rule::RoundTrip => "The context that `inject` writes is extracted the same.",
            Rule::StaleContext => {
                "`inject` leaves nothing of the context that stood in the headers, in any spelling."
            }
            Rule::Injector => {
                "A propagator that writes through `CarrierInjector` writes what `inject` does."
            }
        })
    }
}
