//! What is measured for each client: its headers, the bound, and the usual adapter.

mod amqp;
pub mod kafka;
mod nats;

pub use amqp::Amqp;
pub use kafka::Kafka;
pub use nats::Nats;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
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

    /// The bound: a new set of headers with the context in it.
    #[inline]
    fn inject_by_hand(context: &Context) -> Self::Headers {
        Self::write_by_hand(context.span().span_context(), context)
    }

    /// The same with another span in the place of the context's.
    fn write_by_hand(span: &SpanContext, context: &Context) -> Self::Headers;

    /// The bound: the context of a message that came in.
    fn extract_by_hand(headers: &Self::Headers) -> Context;

    /// What people write: `propagator` through an `Injector` of their own.
    fn inject_usually(propagator: &impl TextMapPropagator, context: &Context) -> Self::Headers;

    /// What people write: an `Extractor` of their own.
    fn extractor(headers: &Self::Headers) -> impl Extractor;
}
