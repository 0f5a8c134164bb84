//! What is measured for each client: its headers, the bound, and the usual adapter.

mod amqp;
pub mod kafka;
mod nats;

pub use amqp::Amqp;
pub use kafka::Kafka;
pub use nats::Nats;

use crate::bound::{self, Fields};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TraceContextExt;
use otel_messaging::adapter::CarrierMut;

/// A client library, as it is measured.
pub trait Client: Sized {
    /// The marker of the adapter.
    type Marker;
    type Headers: CarrierMut<Self::Marker> + Default;

    /// Headers as a message that came in has them.
    fn received(entries: &[(String, String)]) -> Self::Headers;

    /// All names and values, sorted: what the columns have to agree on.
    fn entries(headers: &Self::Headers) -> Vec<(String, String)>;

    /// What a header takes on the wire beyond name and value, and what a message with headers takes beyond them.
    const PER_HEADER: usize;
    const AROUND: usize;

    /// The bound: the fields of a context, from one pass over the headers. `None` if there is more to know: a field
    /// stands there more than once.
    fn fields(headers: &Self::Headers) -> Option<Fields<'_>>;

    /// The bound: what these headers leave of the room, or `Some(None)` if they take more. `None` if they have an old
    /// context.
    fn left(headers: &Self::Headers, room: usize) -> Option<Option<usize>>;

    /// The bound: headers for a context.
    fn new_headers() -> Self::Headers;

    fn add_parent(headers: Self::Headers, traceparent: &[u8; 55]) -> Self::Headers;

    fn add_list(headers: Self::Headers, name: &'static str, list: String) -> Self::Headers;

    /// The bound: a new set of headers with the context in it.
    #[inline]
    fn inject_by_hand(context: &Context) -> Self::Headers {
        let span = context.span();
        let headers = bound::write::<Self>(None, span.span_context(), context, usize::MAX);
        headers.unwrap_or_default()
    }

    /// The bound: the context of a message that came in.
    #[inline]
    fn extract_by_hand(headers: &Self::Headers) -> Context {
        bound::read::<Self>(Some(headers)).context
    }

    /// What people write: `propagator` through an `Injector` of their own.
    fn inject_usually(propagator: &impl TextMapPropagator, context: &Context) -> Self::Headers;

    /// What people write: an `Extractor` of their own.
    fn extractor(headers: &Self::Headers) -> impl Extractor;
}
