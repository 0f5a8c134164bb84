//! The parent of a span.

use crate::context::derived::{empty_context, with_baggage_of};
use opentelemetry::Context;
use std::borrow::Cow;

/// The parent of a span that is about to be started.
#[derive(Clone, Copy)]
pub(crate) enum Parent<'a> {
    /// The span of this context.
    Of(&'a Context),
    /// None: the span begins a trace. It keeps the baggage of this context.
    Root(&'a Context),
}

impl<'a> Parent<'a> {
    /// The context that came in, which goes out if there is no span.
    pub(crate) fn came(self) -> &'a Context {
        match self {
            Self::Of(context) | Self::Root(context) => context,
        }
    }

    /// The context in which the span is started.
    pub(crate) fn context(self) -> Cow<'a, Context> {
        match self {
            Self::Of(context) => Cow::Borrowed(context),
            // No span can be taken out of a context, and to samplers one without ids is a parent that
            // was not sampled.
            Self::Root(context) => Cow::Owned(with_baggage_of(&empty_context(), context)),
        }
    }
}
