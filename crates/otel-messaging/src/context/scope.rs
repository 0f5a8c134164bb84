//! A context that is current on this thread, for a while.

use crate::context::traced::{self, Entered, Innermost};
use crate::loss::boundary::release;
use crate::loss::count::log;
use crate::loss::log::warn_line;
use opentelemetry::{Context, ContextGuard};
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;

/// Works with the context current, and with the span of `tracing` entered, if there is one. `is_layers`: the layer
/// makes this very context current when the span is entered. What was current before is restored, also by a panic.
#[inline]
pub(crate) fn attached<T>(
    context: &Context,
    (span, is_layers): (&traced::Span, bool),
    work: impl FnOnce() -> T,
) -> T {
    let _entered = traced::enter(span, is_layers);
    let is_attached = is_layers && traced::is_attached(context);
    // Behind the span's own: entering it may attach the context that it was started with.
    let _attached = (!is_attached).then(|| context.clone().attach());
    let _innermost = Innermost::new(context, span, is_attached);
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

/// So many at a time are no longer in use. OpenTelemetry's limit is of all guards on a thread, and with
/// `tracing` a message may take two.
const MANY: usize = 8_192;

#[derive(Default)]
struct Held {
    /// How often all were let go.
    generation: u32,
    /// Not dropped with the thread: OpenTelemetry's own state may be gone by then.
    guards: Vec<Option<ManuallyDrop<Guards>>>,
}

struct Guards {
    // In this order: what was attached last is detached first.
    _innermost: Innermost,
    _attached: ContextGuard,
    _entered: Entered,
}

thread_local! {
    // Taken out for each change: what is attached and detached may come back here.
    static HELD: Cell<Held> = Cell::default();
}

impl Scope {
    pub(crate) fn new(context: &Context, span: &traced::Span) -> Self {
        if HELD.with(is_full) {
            let_go();
        }
        let entered = traced::enter_owned(span);
        let attached = context.clone().attach();
        let guards = Guards {
            _innermost: Innermost::new(context, span, false),
            _attached: attached,
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

fn is_full(cell: &Cell<Held>) -> bool {
    let held = cell.take();
    let is_full = held.guards.len() >= MANY;
    cell.set(held);
    is_full
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
        release(ManuallyDrop::into_inner(guards));
    }
    log(|| {
        warn_line!(
            name: "OtelMessaging.GuardsForgotten",
            message = "8192 messages are entered on one thread; their guards were probably forgotten, \
                       so all contexts were detached. Drop each guard that `enter` returns"
        );
    });
}
