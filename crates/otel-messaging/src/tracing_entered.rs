//! A span of `tracing` that is entered on this thread, for a while.

use crate::boundary::{self, Step};
use crate::tracing_layer::Layer;
use crate::tracing_scope::Hidden;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, ContextGuard};
use std::cell::Cell;
use std::mem::ManuallyDrop;
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
        span.with_subscriber(|(id, subscriber)| exit_half_entered(was_told, id, subscriber));
        restore(outside.clone());
    }
    Leave {
        inside: entered.map(|entered| Inside { entered, outside }),
        _hidden: None,
    }
}

/// Leaves a span that the registry has entered, while a layer panicked. `was_told`: OpenTelemetry's layer
/// knows, since another context is current. `None` if a layer panics again.
pub(crate) fn exit_half_entered(was_told: bool, id: &Id, subscriber: &Dispatch) -> Option<()> {
    boundary::SPANS.call(Step::Leave, || {
        if was_told {
            subscriber.exit(id);
        } else if let Some(registry) = subscriber.downcast_ref::<Registry>() {
            // That layer counts, and told to exit what it has not entered it panics or counts wrong;
            // behind its panic the registry has a poisoned lock, which would be an application's
            // span's in the end.
            registry.exit(id);
        }
    })
}

/// So many contexts are kept on a thread, the newest.
const MANY: usize = 8_192;

thread_local! {
    /// Contexts that nobody is going to detach. Not dropped with the thread: OpenTelemetry's own state
    /// may be gone by then.
    static KEPT: Cell<Vec<ManuallyDrop<ContextGuard>>> = const { Cell::new(Vec::new()) };
    /// Whether a layer left a context behind here, so that a scope around it does not detach its own by
    /// itself.
    static ANY_LEFT: Cell<bool> = const { Cell::new(false) };
}

/// Makes current again what was, where a layer that panics has hidden an exit from those outside of it:
/// OpenTelemetry's, it may be, whose guard then stays where it is for good.
pub(crate) fn restore(outside: Context) {
    if is_current(&outside) {
        return;
    }
    ANY_LEFT.set(true);
    let attached = outside.attach();
    let mut kept = KEPT.take();
    let old = if kept.len() < MANY {
        Vec::new()
    } else {
        std::mem::take(&mut kept)
    };
    kept.push(ManuallyDrop::new(attached));
    KEPT.set(kept);
    for guard in old.into_iter().rev() {
        boundary::release(ManuallyDrop::into_inner(guard));
    }
}

/// Whether the span of this context is the current one.
fn is_current(context: &Context) -> bool {
    Context::map_current(|current| current.span().span_context() == context.span().span_context())
}

impl<G> Drop for Leave<G> {
    fn drop(&mut self) {
        if let Some(Inside { entered, outside }) = self.inside.take() {
            let left = boundary::SPANS.call(Step::Leave, || drop(entered));
            if left.is_none() || ANY_LEFT.get() {
                restore(outside);
            }
        }
    }
}
