//! A closure that takes its context along.

use crate::context::current::Current;

/// Wraps a closure so that the [current context](crate::current_context) of this call is current while it
/// runs and while it is dropped there. For `spawn_blocking`, a thread, a thread pool.
///
/// Afterwards, also after a panic, the thread's earlier context is current again. A panic passes through.
///
/// It starts no span. The message's span ends with its handler. A span that no code ends by name lasts
/// until the closure is done (see [limits](crate::background#limits)). If the closure is never called, it
/// is dropped in whatever context is current then.
///
/// ```
/// use otel_messaging::closure_in_context;
///
/// # fn print_label(_order: u32) {}
/// // In a handler: the label is printed by another thread, in the message's trace.
/// let printing = std::thread::spawn(closure_in_context(|| print_label(7)));
/// # printing.join().unwrap();
/// ```
pub fn closure_in_context<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let captured = Current::here();
    move || captured.attached(work)
}
