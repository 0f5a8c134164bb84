//! A future that takes its context along.

use crate::context::current::Current;
use crate::operation::future::InContext;
use crate::operation::span::MessageSpan;

/// Takes the [current context](crate::current_context) along with a future that something else is
/// going to run: `tokio::spawn`, a `JoinSet`, another runtime.
///
/// The context is that of the call. It is current whenever the future runs and while it is dropped,
/// finished or not; between, the thread has its own. No span is started. The message's ends with its
/// handler, which may be long before the future does; another one that nobody ends waits for it (see
/// [limits](crate::background#limits)). A panic passes through.
///
/// In programs with `tracing`, `.in_current_span()` carries the context too where
/// tracing-opentelemetry's layer activates contexts, as it does by default. Where it does not, only
/// spans of `tracing` and published messages join it; see [tasks](crate::background#tasks).
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
