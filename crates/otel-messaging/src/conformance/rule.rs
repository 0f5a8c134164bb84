//! The rules of a carrier.

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
    /// `get` returns no value if duplicates differ, or the one that the subject declares.
    DifferingDuplicates,
    /// A value that is not text reads as absent.
    Unreadable,
    /// `keys` lists the readable names.
    Keys,
    /// `get_each` returns what `get_all` returns.
    GetEach,
    /// A context is read from the headers.
    Context,
    /// A malformed, unreadable or contradicting context is not read.
    HostileContext,
    /// If there are several contexts, the one that counts comes with its own fields.
    FieldSets,
    /// OpenTelemetry's `Extractor` reads the same as `extract`.
    Extractor,
    /// Reading copes with a thousand headers.
    ReadAmongMany,
    /// `set` replaces every value and spelling.
    SetReplaces,
    /// A header that was set is read back.
    ReadBack,
    /// `set` writes or refuses a name and a value.
    SetRefuses,
    /// `add` does what `set` does if the name is not there.
    Add,
    /// `remove` removes every spelling and every value.
    Remove,
    /// The other headers keep their bytes and their order.
    OthersKept,
    /// Writing copes with a thousand headers.
    WriteAmongMany,
    /// `left_of` counts what headers take.
    Room,
    /// An injected context is extracted the same.
    RoundTrip,
    /// An injected context replaces the older one.
    StaleContext,
    /// OpenTelemetry's `Injector` writes the same as `inject`.
    Injector,
}

impl Rule {
    /// All of them, in the order in which the kit tests them.
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
                 built, in order, with bytes that distinguish its value from others."
            }
            Rule::LookUp => "Look-up finds a header in any ASCII case, and no other header.",
            Rule::GetAll => {
                "`get_all` returns every readable value of a name in all its spellings, in the \
                 order of the headers."
            }
            Rule::EqualDuplicates => "`get` counts equal duplicates as one.",
            Rule::DifferingDuplicates => {
                "`get` returns no value if duplicates differ, or the one that the subject \
                 declares."
            }
            Rule::Unreadable => {
                "A value that is null, not UTF-8 or not text reads as absent, and does not hide a \
                 readable one."
            }
            Rule::Keys => "`keys` lists every readable name, and nothing else.",
            Rule::GetEach => {
                "`get_each` returns the bytes of what `get_all` returns. It is `None` if, and only \
                 if, one of its names occurs several times."
            }
            Rule::Context => "A context in the headers is extracted whole, in any spelling.",
            Rule::HostileContext => {
                "A malformed or unreadable context is not extracted. If several contexts differ, \
                 none is extracted, or the one that the subject declares."
            }
            Rule::FieldSets => {
                "If there are several contexts, the one that counts is extracted with its own \
                 tracestate and baggage. If they contradict each other, nothing is extracted, and \
                 `contexts` names the senders. A malformed or empty field does not count beside a \
                 context. If the exact name counts first, it does so for each field."
            }
            Rule::Extractor => {
                "A propagator that reads through `CarrierExtractor` extracts what `extract` does."
            }
            Rule::ReadAmongMany => "A header is found among a thousand others.",
            Rule::SetReplaces => {
                "`set` writes the header once, in place of every old value and every spelling."
            }
            Rule::ReadBack => "A value that `set` has written is read back the same, alone.",
            Rule::SetRefuses => {
                "`set` writes the given name and value, or refuses them and leaves the header \
                 absent."
            }
            Rule::Add => {
                "`add` returns what `set` returns, and leaves the same headers, if the name is not \
                 there."
            }
            Rule::Remove => {
                "`remove` removes every value of each of its names, in every spelling, readable or \
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
                "`inject` leaves nothing of the headers' earlier context, in any spelling."
            }
            Rule::Injector => {
                "A propagator that writes through `CarrierInjector` writes what `inject` does."
            }
        })
    }
}
