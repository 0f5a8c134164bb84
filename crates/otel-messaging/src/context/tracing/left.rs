//! Spans and contexts that a layer left behind when it panicked.

use crate::context::traced::step::LEAVE;
use crate::loss::boundary::{SPANS, release};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, ContextGuard};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr;
use tracing::span::Id;
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::Registry;

/// Leaves a span that the registry has entered, while a layer panicked. `was_told`: OpenTelemetry's layer
/// knows, since another context is current. `None` if a layer panics again.
pub(crate) fn exit_half_entered(was_told: bool, id: &Id, subscriber: &Dispatch) -> Option<()> {
    SPANS.call(LEAVE, || {
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
        release(ManuallyDrop::into_inner(guard));
    }
}

/// Whether the span of this context is the current one.
pub(crate) fn is_current(context: &Context) -> bool {
    Context::map_current(|current| current.span().span_context() == context.span().span_context())
}

/// Whether the very span of this context is the current one, and not another one with its ids.
#[inline]
pub(crate) fn is_attached(context: &Context) -> bool {
    let own = context.span();
    Context::map_current(|current| ptr::eq(current.span().span_context(), own.span_context()))
}

/// Whether a layer left a context behind on this thread.
pub(crate) fn any_left() -> bool {
    ANY_LEFT.get()
}
