//! A future that takes its context along.

use crate::context::current::Current;
use crate::operation::future::InContext;
use crate::operation::span::MessageSpan;

/// Wraps a future so that the [current context](crate::current_context) of this call is current whenever
/// the future runs, and while it is dropped. For `tokio::spawn`, a `JoinSet`, another runtime.
///
/// It starts no span. The message's span ends with its handler, perhaps long before the future is done. A
/// span that no code ends by name lasts until the future is dropped (see
/// [limits](crate::background#limits)). A panic passes through.
///
/// In programs with `tracing`, `.in_current_span()` takes the context along too, if
/// tracing-opentelemetry's layer activates contexts, which is the default. If it does not, only spans of
/// `tracing` and published messages join it; see [tasks](crate::background#tasks).
///
/// ```
/// use otel_messaging::future_in_context;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # async fn print_label(_order: u32) {}
/// // In a handler: the label is printed later, in the message's trace.
/// let printing = tokio::spawn(future_in_context(print_label(7)));
/// # printing.await.unwrap();
/// # }
/// ```
pub fn future_in_context<F: Future>(future: F) -> InContext<F> {
    InContext::unjudged(MessageSpan::without(Current::here()), future)
}
