//! A span, as much of it as tells where a trace breaks.

/// A span as it was read, before the index decides whether it is kept.
#[derive(Debug, Default)]
pub(crate) struct ReadSpan {
    pub(crate) trace: u128,
    pub(crate) id: u64,
    /// Zero for a root.
    pub(crate) parent: u64,
    pub(crate) role: Role,
    pub(crate) destination: Option<String>,
    pub(crate) partition: Option<i64>,
    pub(crate) offset: Option<i64>,
    pub(crate) message_id: Option<String>,
    /// The contexts that it links to.
    pub(crate) links: Vec<(u128, u64)>,
}

/// What a span does with messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// It creates or sends them.
    Producer,
    /// It receives or processes them.
    Consumer,
    /// Nothing that it tells of: work within a service.
    #[default]
    Internal,
    /// It calls or answers another service, or settles a message.
    Other,
}

impl Role {
    /// From the operation, which is the better witness, or else from the kind: its number in OTLP, or one of the
    /// spellings `SPAN_KIND_PRODUCER`, `SpanKind.PRODUCER` and `producer`.
    pub(crate) fn of(kind: Option<&str>, operation: Option<&str>) -> Self {
        match operation {
            Some("process" | "receive" | "deliver" | "poll" | "consume") => return Self::Consumer,
            Some("send" | "create" | "publish") => return Self::Producer,
            Some("settle") => return Self::Other,
            _ => {}
        }
        let kind = kind.and_then(|kind| kind.rsplit(['_', '.']).next());
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        match kind.as_str() {
            "2" | "server" | "3" | "client" => Self::Other,
            "4" | "producer" => Self::Producer,
            "5" | "consumer" => Self::Consumer,
            _ => Self::Internal,
        }
    }
}

/// A name in [`Names`](super::names::Names). Zero for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(pub(crate) u32);

/// A span in the index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) trace: u128,
    pub(crate) id: u64,
    pub(crate) parent: u64,
    pub(crate) service: Name,
    pub(crate) destination: Name,
    /// The message that it is known to be about, by its attributes: a position in the list of messages.
    pub(crate) message: Option<Position>,
    pub(crate) role: Role,
    /// Whether it has links, to whatever.
    pub(crate) linked: bool,
}

/// The index of a message, plus one: so that an `Option` of it takes four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position(std::num::NonZeroU32);

impl Position {
    pub(crate) fn new(index: usize) -> Option<Self> {
        let next = u32::try_from(index).ok()?.checked_add(1)?;
        std::num::NonZeroU32::new(next).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// What the documentation of the index says of its memory.
const _: () = assert!(size_of::<Span>() == 48);
