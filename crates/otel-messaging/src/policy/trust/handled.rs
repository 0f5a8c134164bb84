//! What was decided about the message that is being handled, for when the handler sends it on by a producer with
//! other rules.

use crate::context::derived::with_baggage_of;
use crate::message::destination::Destination;
use crate::policy::trust::incoming::IncomingPolicy;
use crate::policy::trust::settings::Trust;
use crate::propagation::carried::Carried;
use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceId};
use std::sync::Arc;

/// The decision about one message, in the context of its handling.
#[derive(Clone)]
pub(crate) struct Handled {
    sender: (TraceId, SpanId),
    destination: Box<str>,
    pub(crate) policy: IncomingPolicy,
    /// Whose filter of baggage counts.
    pub(crate) trust: Arc<Trust>,
}

impl Handled {
    pub(crate) fn new(
        carried: &Carried,
        destination: Destination<'_>,
        policy: IncomingPolicy,
        trust: &Arc<Trust>,
    ) -> Self {
        Self {
            sender: ids(carried),
            destination: destination.without_queue().to_string().into(),
            policy,
            trust: trust.clone(),
        }
    }

    /// What was decided about the message that is being handled here, if it is the one that carries this and was
    /// sent to `source`.
    pub(crate) fn of_current(carried: &Carried, source: Destination<'_>) -> Option<Self> {
        let handled = Context::map_current(|context| context.get::<Self>().cloned())?;
        let is_it = handled.sender == ids(carried)
            && source
                .without_queue()
                .with_text(|text| *text == *handled.destination);
        is_it.then_some(handled)
    }
}

/// `context` with the baggage of the context that came with a message, and with what was decided about it.
pub(crate) fn handling_of(context: &Context, came: &Context) -> Context {
    decided_of(with_baggage_of(context, came), came)
}

/// `context` with what was decided about the message that another came with.
pub(crate) fn decided_of(context: Context, came: &Context) -> Context {
    match came.get::<Handled>() {
        Some(handled) => context.with_value(handled.clone()),
        None => context,
    }
}

fn ids(carried: &Carried) -> (TraceId, SpanId) {
    let sender = carried.sender();
    (sender.trace_id(), sender.span_id())
}
