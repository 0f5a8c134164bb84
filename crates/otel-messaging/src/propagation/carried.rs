//! What the headers of a received message carry.

use crate::context::derived::empty_context;
use crate::loss::witness::Seen;
use opentelemetry::Context;
use opentelemetry::trace::{Link, SpanContext, TraceContextExt};

/// The context that came with a message.
pub(crate) struct Carried {
    pub(crate) context: Context,
    /// Where contexts contradict each other, so that none of them counts: the senders.
    pub(crate) contradicting: Vec<SpanContext>,
    /// The propagator failed: there may be more than was read.
    pub(crate) is_unread: bool,
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
    pub(crate) fn has_sender(&self) -> bool {
        self.context.span().span_context().is_valid()
    }

    /// The span that sent the message; one without ids if it does not say so.
    pub(crate) fn sender(&self) -> SpanContext {
        self.context.span().span_context().clone()
    }

    /// What became of the context, in a word, where `seen` was noted while it was read.
    pub(crate) fn outcome(&self, seen: Seen) -> &'static str {
        if self.has_sender() {
            "extracted"
        } else if self.is_unread || seen.has(Seen::PANICKED) {
            "panicked"
        } else if !self.contradicting.is_empty() {
            "contradicting"
        } else if seen.has(Seen::MALFORMED) {
            "malformed"
        } else {
            "no_context"
        }
    }

    /// A link to whoever may have sent the message.
    pub(crate) fn links(&self) -> Vec<Link> {
        if self.has_sender() {
            return vec![Link::with_context(self.sender())];
        }
        let senders = self.contradicting.iter().cloned();
        senders.map(Link::with_context).collect()
    }
}

impl From<Context> for Carried {
    #[inline]
    fn from(context: Context) -> Self {
        Self {
            context,
            contradicting: Vec::new(),
            is_unread: false,
        }
    }
}
