//! What was decided about the messages that are being handled, for when a handler sends one on by a producer with
//! other rules.

use crate::context::derived::with_baggage_of;
use crate::message::destination::Destination;
use crate::policy::trust::incoming::IncomingPolicy;
use crate::policy::trust::settings::Trust;
use crate::propagation::carried::Carried;
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceId};
use std::sync::Arc;

/// The decision about one message.
#[derive(Clone)]
pub(crate) struct Handled {
    sender: (TraceId, SpanId),
    destination: Arc<str>,
    pub(crate) policy: IncomingPolicy,
    /// Whose filter of baggage counts.
    pub(crate) trust: Arc<Trust>,
}

/// The decisions about a message, or about the messages of a batch. The context of their handling has them.
struct AllHandled(Arc<[Handled]>);

impl Handled {
    pub(crate) fn new(
        carried: &Carried,
        destination: Destination<'_>,
        policy: IncomingPolicy,
        trust: &Arc<Trust>,
    ) -> Self {
        Self {
            sender: ids(carried),
            destination: destination.without_queue().with_text(|text| text.into()),
            policy,
            trust: trust.clone(),
        }
    }

    /// What was decided about the message that is being handled here, if it is the one that carries this. A decision
    /// for the sender counts only for a message that was sent to the same destination. One against the sender counts
    /// for all that carry its ids.
    pub(crate) fn of_current(carried: &Carried, source: Destination<'_>) -> Option<Self> {
        let all = Context::map_current(all_in)?;
        let sender = ids(carried);
        let source = source.without_queue();
        let is_it = |handled: &&Self| {
            handled.sender == sender
                && (!handled.policy.continues()
                    || source.with_text(|text| *text == *handled.destination))
        };
        let those = all.iter().filter(is_it);
        those.max_by_key(|handled| handled.policy).cloned()
    }
}

/// `context` with what was decided about the messages that are handled in it.
pub(crate) fn with_handled(context: &Context, handled: impl Into<Arc<[Handled]>>) -> Context {
    let handled = handled.into();
    if handled.is_empty() {
        context.clone()
    } else {
        context.with_value(AllHandled(handled))
    }
}

/// `context` with the baggage of the context that came with a message, and with what was decided about it.
pub(crate) fn handling_of(context: &Context, came: &Context) -> Context {
    decided_of(with_baggage_of(context, came), came)
}

/// `context` with what was decided about the message that another came with.
pub(crate) fn decided_of(context: Context, came: &Context) -> Context {
    match all_in(came) {
        Some(all) => with_handled(&context, all),
        None => context,
    }
}

/// What was decided about a message, as its context says.
pub(crate) fn handled_in(came: &Context) -> impl Iterator<Item = Handled> {
    all_in(came).into_iter().flat_map(|all| all.to_vec())
}

fn all_in(context: &Context) -> Option<Arc<[Handled]>> {
    let all = context.get::<AllHandled>();
    all.map(|all| all.0.clone())
}

fn ids(carried: &Carried) -> (TraceId, SpanId) {
    let sender = carried.sender();
    (sender.trace_id(), sender.span_id())
}
