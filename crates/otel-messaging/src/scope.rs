//! A context that is current on this thread, for a while.

use crate::boundary;
#[cfg(feature = "tracing")]
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, ContextGuard};
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
#[cfg(feature = "tracing")]
use tracing::span::{EnteredSpan, Id};
#[cfg(feature = "tracing")]
use tracing::{Dispatch, Span, Subscriber};
#[cfg(feature = "tracing")]
use tracing_subscriber::Registry;

/// Works with the context current, and with the span of `tracing` entered, if there is one. What was
/// current before is restored, also by a panic.
pub(crate) fn attached<T>(
    context: &Context,
    #[cfg(feature = "tracing")] span: &Span,
    work: impl FnOnce() -> T,
) -> T {
    #[cfg(feature = "tracing")]
    let _entered = enter(span, Span::enter);
    // Behind the span's own: entering it may attach the context that it was started with.
    let _attached = context.clone().attach();
    work()
}

/// A context that is current until this is dropped.
///
/// Not by a guard of its own: what an application forgets (`std::mem::forget`) would stay attached,
/// and OpenTelemetry attaches 65,535 contexts on a thread and then no more. So the thread has the
/// guards, and lets go of those that can only be forgotten.
#[derive(Debug)]
pub(crate) struct Scope {
    generation: u32,
    place: usize,
    /// It belongs to its thread.
    _thread: PhantomData<*const ()>,
}

/// So many at a time are no longer in use: OpenTelemetry's limit is twice as many, of all guards.
const MANY: usize = 32_768;

#[derive(Default)]
struct Held {
    /// How often all were let go.
    generation: u32,
    /// Not dropped with the thread: OpenTelemetry's own state may be gone by then.
    guards: Vec<Option<ManuallyDrop<Guards>>>,
}

struct Guards {
    // In this order: what was attached last is detached first.
    _attached: ContextGuard,
    #[cfg(feature = "tracing")]
    _entered: Leave<EnteredSpan>,
}

thread_local! {
    // Taken out for each change: what is attached and detached may come back here.
    static HELD: Cell<Held> = Cell::default();
}

impl Scope {
    pub(crate) fn new(context: &Context, #[cfg(feature = "tracing")] span: &Span) -> Self {
        let held = HELD.take();
        let are_many = held.guards.len() >= MANY;
        HELD.set(held);
        if are_many {
            let_go();
        }
        #[cfg(feature = "tracing")]
        let entered = enter(span, |span| span.clone().entered());
        let guards = Guards {
            _attached: context.clone().attach(),
            #[cfg(feature = "tracing")]
            _entered: entered,
        };
        let mut held = HELD.take();
        held.guards.push(Some(ManuallyDrop::new(guards)));
        let scope = Self {
            generation: held.generation,
            place: held.guards.len() - 1,
            _thread: PhantomData,
        };
        HELD.set(held);
        scope
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let guards = HELD.try_with(|cell| {
            let mut held = cell.take();
            let is_there = held.generation == self.generation;
            let place = held.guards.get_mut(self.place).filter(|_| is_there);
            let guards = place.and_then(Option::take);
            while let Some(None) = held.guards.last() {
                held.guards.pop();
            }
            cell.set(held);
            guards
        });
        drop(guards.ok().flatten().map(ManuallyDrop::into_inner));
    }
}

/// Detaches all, the newest first.
#[cold]
fn let_go() {
    let held = HELD.take();
    HELD.set(Held {
        generation: held.generation.wrapping_add(1),
        guards: Vec::new(),
    });
    for guards in held.guards.into_iter().rev().flatten() {
        drop(ManuallyDrop::into_inner(guards));
    }
    boundary::log(|| {
        opentelemetry::otel_warn!(
            name: "OtelMessaging.GuardsForgotten",
            message = "a thread holds 32768 messages entered; the guards of `enter` seem to be \
                       forgotten, and their contexts are detached"
        );
    });
}

/// Leaves a span of `tracing` when it is dropped, behind the boundary: layers are told of it.
#[cfg(feature = "tracing")]
#[derive(Debug)]
struct Leave<G>(Option<Inside<G>>);

#[cfg(feature = "tracing")]
#[derive(Debug)]
struct Inside<G> {
    entered: G,
    /// What was current before the span was entered.
    outside: Context,
}

#[cfg(feature = "tracing")]
fn enter<'a, G>(span: &'a Span, enter: impl FnOnce(&'a Span) -> G) -> Leave<G> {
    if span.is_none() {
        return Leave(None);
    }
    let outside = Context::current();
    let entered = boundary::SPANS.call(|| enter(span));
    if entered.is_none() {
        // A layer panicked when the registry had entered the span already.
        let exit: fn((&Id, &Dispatch)) = if is_current(&outside) {
            exit_registry
        } else {
            exit
        };
        leave(outside.clone(), || {
            span.with_subscriber(exit);
        });
    }
    Leave(entered.map(|entered| Inside { entered, outside }))
}

/// For a span of which OpenTelemetry's layer was told, since its context is current.
#[cfg(feature = "tracing")]
fn exit((id, subscriber): (&Id, &Dispatch)) {
    subscriber.exit(id);
}

/// For a span of which OpenTelemetry's layer may not have been told. It counts, and told to exit what
/// it has not entered it panics or counts wrong; behind its panic the registry has a poisoned lock,
/// which would be an application's span's in the end.
#[cfg(feature = "tracing")]
fn exit_registry((id, subscriber): (&Id, &Dispatch)) {
    if let Some(registry) = subscriber.downcast_ref::<Registry>() {
        registry.exit(id);
    }
}

#[cfg(feature = "tracing")]
thread_local! {
    /// Whether contexts are attached here for good, so that a scope around them does not detach its
    /// own by itself.
    static ANY_LEFT: Cell<bool> = const { Cell::new(false) };
}

#[cfg(feature = "tracing")]
fn leave(outside: Context, exit: impl FnOnce()) {
    let is_left = boundary::SPANS.call(exit).is_some();
    if (!is_left || ANY_LEFT.get()) && !is_current(&outside) {
        // A layer that panics hides the exit from those outside of it: OpenTelemetry's, it may be,
        // whose guard then stays where it is for good.
        ANY_LEFT.set(true);
        std::mem::forget(outside.attach());
    }
}

/// Whether the span of this context is the current one.
#[cfg(feature = "tracing")]
fn is_current(context: &Context) -> bool {
    Context::map_current(|current| current.span().span_context() == context.span().span_context())
}

#[cfg(feature = "tracing")]
impl<G> Drop for Leave<G> {
    fn drop(&mut self) {
        if let Some(Inside { entered, outside }) = self.0.take() {
            leave(outside, || drop(entered));
        }
    }
}
