//! How the span of a message's handling stands to the spans around it.

/// How the span of a message's handling stands to the span that sent the message, and to the span that is
/// current at the call. The message's baggage is current in its handler each time.
///
/// A span that is a root because of its message has no parent in any mode: if the message is [delivered
/// once more](crate::instrumentation::Builder::with_link_after_deliveries), say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Relation {
    /// A child of the sender's span, with a link to it. If another span is current, there is a link to
    /// that span too, and the span of a message without a context is a root. So each message stays in one
    /// trace, from its sender to the last handler. OpenTelemetry's conventions have
    /// [`ChildOfCurrent`](Self::ChildOfCurrent) as their default where a span is current ("Consumer
    /// spans").
    #[default]
    ChildOfSender,
    /// A child of the span that is current, with a link to the sender's span. If no span is current, it is
    /// a child of the sender's span, as with [`ChildOfSender`](Self::ChildOfSender).
    ChildOfCurrent,
    /// A root with a link to the sender's span and, if another span is current, a link to that. The
    /// handling is in a trace of its own.
    Link,
}
