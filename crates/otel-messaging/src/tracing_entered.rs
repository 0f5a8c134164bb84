//! A span of `tracing` that is entered on this thread, for a while.

use crate::boundary::{self, Step};
use crate::scope;
use crate::tracing_layer::Layer;
use crate::tracing_scope::Hidden;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use std::cell::Cell;
use tracing::span::Id;
use tracing::{Dispatch, Span, Subscriber};
use tracing_subscriber::Registry;

/// Leaves a span of `tracing` when it is dropped, behind the boundary: layers are told of it.
#[derive(Debug)]
pub(crate) struct Leave<G> {
    inside: Option<Inside<G>>,
    _hidden: Option<Hidden>,
}

#[derive(Debug)]
struct Inside<G> {
    entered: G,
    /// What was current before the span was entered.
    outside: Context,
}

/// Enters the span; where there is none, hides those that are entered, if they would count.
pub(crate) fn enter<'a, G>(span: &'a Span, enter: impl FnOnce(&'a Span) -> G) -> Leave<G> {
    if span.is_none() {
        return Leave {
            inside: None,
            _hidden: Hidden::new(),
        };
    }
    let outside = Context::current();
    let entered = boundary::SPANS.call(Step::Enter, || enter(span));
    let was_told = !is_current(&outside);
    if was_told && Layer::current().is_none() {
        // Only a layer that activates contexts makes another one current.
        Layer::Activates.remember();
    }
    if entered.is_none() {
        span.with_subscriber(|(id, subscriber)| {
            leave_half_entered(was_told, outside.clone(), id, subscriber);
        });
    }
    Leave {
        inside: entered.map(|entered| Inside { entered, outside }),
        _hidden: None,
    }
}

/// Leaves a span that the registry has entered, while a layer panicked. `was_told`: OpenTelemetry's layer
/// knows, since another context is current.
pub(crate) fn leave_half_entered(was_told: bool, outside: Context, id: &Id, subscriber: &Dispatch) {
    if was_told {
        leave(outside, || subscriber.exit(id));
    } else if let Some(registry) = subscriber.downcast_ref::<Registry>() {
        // That layer counts, and told to exit what it has not entered it panics or counts wrong; behind
        // its panic the registry has a poisoned lock, which would be an application's span's in the
        // end.
        leave(outside, || registry.exit(id));
    }
}

thread_local! {
    /// Whether contexts were left behind here, so that a scope around them does not detach its own by
    /// itself.
    static ANY_LEFT: Cell<bool> = const { Cell::new(false) };
}

/// Leaves a span. `false` if a layer panics.
pub(crate) fn leave(outside: Context, exit: impl FnOnce()) -> bool {
    let is_left = boundary::SPANS.call(Step::Leave, exit).is_some();
    if (!is_left || ANY_LEFT.get()) && !is_current(&outside) {
        // A layer that panics hides the exit from those outside of it: OpenTelemetry's, it may be,
        // whose guard then stays where it is for good.
        ANY_LEFT.set(true);
        scope::keep(outside.attach());
    }
    is_left
}

/// Whether the span of this context is the current one.
fn is_current(context: &Context) -> bool {
    Context::map_current(|current| current.span().span_context() == context.span().span_context())
}

impl<G> Drop for Leave<G> {
    fn drop(&mut self) {
        if let Some(Inside { entered, outside }) = self.inside.take() {
            leave(outside, || drop(entered));
        }
    }
}
