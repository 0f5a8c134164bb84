//! The spans to which a span is related: its parent, and those to which it is linked.

use crate::context::derived::empty_context;
use crate::policy::trust::handled::handling_of;
use opentelemetry::Context;
use opentelemetry::trace::Link;
use std::borrow::Cow;

/// The parent and the links of a span that is about to be started.
pub(crate) struct Related<'a> {
    /// The context of the parent.
    pub(crate) parent: Cow<'a, Context>,
    pub(crate) links: Vec<Link>,
}

impl<'a> Related<'a> {
    pub(crate) fn child_of(parent: &'a Context, links: Vec<Link>) -> Self {
        Self {
            parent: Cow::Borrowed(parent),
            links,
        }
    }

    /// The span begins a trace. It keeps the baggage of the context that came in.
    pub(crate) fn root(came: &Context, links: Vec<Link>) -> Self {
        // No span can be taken out of a context, and to samplers one without ids is a parent that was not
        // sampled.
        Self {
            parent: Cow::Owned(handling_of(&empty_context(), came)),
            links,
        }
    }
}
