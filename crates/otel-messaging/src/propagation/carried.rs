//! What the headers of a received message carry.

use crate::context::derived::empty_context;
use crate::loss::witness::Seen;
use opentelemetry::Context;
use opentelemetry::trace::{Link, SpanContext, TraceContextExt};

/// The context that came with a message.
pub(crate) struct Carried {
    pub(crate) context: Context,
    /// Those who may have sent the message, where none of them counts: contexts contradict each other, or the
    /// sender is not believed.
    pub(crate) senders: Vec<SpanContext>,
    /// The propagator failed: there may be more than was read.
    pub(crate) is_unread: bool,
    /// What a policy left of it.
    pub(crate) left: Left,
    /// A policy does not believe the sender.
    pub(crate) is_refused: bool,
    /// A policy wants a warning if the message continues its sender's trace.
    pub(crate) is_warned: bool,
}

/// What a policy left of the context that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Left {
    #[default]
    All,
    /// All but some of its baggage, perhaps.
    WithoutBaggage,
    /// The ids of the sender.
    Ids,
    /// Neither the sender nor what came with it.
    Nothing,
}

impl Carried {
    #[inline]
    pub(crate) fn nothing() -> Self {
        empty_context().into()
    }

    #[cold]
    pub(crate) fn unread() -> Self {
        Self {
            is_unread: true,
            ..Self::nothing()
        }
    }

    /// Whether the message says which span sent it.
    #[inline]
    pub(crate) fn has_sender(&self) -> bool {
        self.context.span().span_context().is_valid()
    }

    /// Whether a message that is forwarded keeps the context: a policy lets the sender's count, or it was not read
    /// and so is not replaced either.
    pub(crate) fn keeps(&self) -> bool {
        (self.has_sender() || self.is_unread) && self.left < Left::Ids
    }

    /// The span that sent the message; one without ids if it does not say so.
    #[inline]
    pub(crate) fn sender(&self) -> SpanContext {
        self.context.span().span_context().clone()
    }

    /// What became of the context, in a word, where `seen` was noted while it was read.
    pub(crate) fn outcome(&self, seen: Seen) -> &'static str {
        if self.is_refused {
            "refused"
        } else if self.has_sender() {
            "extracted"
        } else if self.is_unread || seen.has(Seen::PANICKED) {
            "panicked"
        } else if !self.senders.is_empty() {
            "contradicting"
        } else if seen.has(Seen::MALFORMED) {
            "malformed"
        } else {
            "no_context"
        }
    }

    /// A link to whoever may have sent the message.
    #[inline]
    pub(crate) fn links(&self) -> Vec<Link> {
        if self.has_sender() {
            return vec![Link::with_context(self.sender())];
        }
        if self.senders.is_empty() {
            return Vec::new();
        }
        let senders = self.senders.iter().cloned();
        senders.map(Link::with_context).collect()
    }
}

impl From<Context> for Carried {
    #[inline]
    fn from(context: Context) -> Self {
        Self {
            context,
            senders: Vec::new(),
            is_unread: false,
            left: Left::All,
            is_refused: false,
            is_warned: false,
        }
    }
}
