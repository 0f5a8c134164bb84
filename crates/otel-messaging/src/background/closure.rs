//! A closure that takes its context along.

use crate::context::current::Current;

/// Takes the [current context](crate::current_context) along with a closure that is going to run
/// elsewhere: `spawn_blocking`, a thread, a thread pool.
///
/// The context is that of this call. It is current while the closure runs, in its destructors too;
/// then what the thread had before is current again, also after a panic, which passes through. No span
/// is started. The message's ends with its handler; another one that nobody ends waits for the closure
/// (see [limits](crate::background#limits)). What a closure owns that is never called is dropped in
/// whatever context there is.
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
