//! Catches panics of the application's code that telemetry calls.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is behind a boundary. It is not entered twice on one thread: a sampler that sends a
/// message would be asked about that one too, and so on until the stack is used up, and layers and
/// OpenTelemetry's global propagator wait for locks that they hold themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Behind {
    Spans = 1,
    Propagator = 2,
    /// The `Display` of an error, a `failure_of` closure, or a hook for attributes.
    Text = 4,
    /// The layers that get a line of this crate's log.
    Log = 8,
    Metrics = 16,
    /// The provider by which log events are recorded.
    #[cfg(feature = "logs")]
    Logger = 32,
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spans => "a sampler, a span processor or a layer of `tracing`",
            Self::Propagator => "a propagator",
            Self::Text => "an error's Display, or a closure that was given to an instrumentation",
            Self::Log => "a layer of `tracing`",
            Self::Metrics => "a meter provider",
            #[cfg(feature = "logs")]
            Self::Logger => "a log processor or a logger provider",
        })
    }
}

thread_local! {
    /// What this thread is behind, in bits.
    static INSIDE: Cell<u8> = const { Cell::new(0) };
}

/// Whether this thread is behind it already.
#[inline]
pub(crate) fn is_inside(behind: Behind) -> bool {
    INSIDE.get() & behind as u8 != 0
}

/// Works behind the boundary. `None` if the work panics.
#[inline]
pub(crate) fn catch<T>(behind: Behind, work: impl FnOnce() -> T) -> Option<T> {
    let outer = INSIDE.get();
    INSIDE.set(outer | behind as u8);
    let done = catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(outer);
    done.map_err(forget).ok()
}

/// Drops what a panic threw. It is the application's too, and may panic then.
#[cold]
fn forget(thrown: Box<dyn Any + Send>) {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(thrown)));
    std::mem::forget(dropped);
}
