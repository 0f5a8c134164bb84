#![doc = include_str!("../README.md")]

#[cfg(test)]
mod conformance;
mod context;
mod delivery;
mod enqueuing;
mod future;
mod headers;
mod injection;
mod message;
mod native;
mod onward;
mod parsing;
mod producer;
mod queue;
mod queued;
mod relay;
mod size;
mod written;

pub use context::{InFlight, InjectingContext};
pub use delivery::DeliveryFuture;
pub use enqueuing::EnqueuingProducer;
pub use headers::Kafka;
pub use onward::ReceivedRecord;
#[cfg(feature = "serde")]
pub use otel_messaging::EnvelopeOrBare;
pub use otel_messaging::{
    CarrierExtractor, CarrierInjector, ContextCarrier, DEAD_LETTER_ERROR, DEAD_LETTER_SOURCE,
    DEAD_LETTER_TRACEPARENT, Entered, Envelope, Environment, Failure, Finding, Handling, InContext,
    Instrumentation, Job, OnError, Processing, Received, attach_context, background, caught_panics,
    closure_in_context, current_context, dropped_fields, extract, future_in_context, get_context,
    inject, process, propagation, refused_fields, self_check, try_with_message_context,
    try_with_message_context_with, with_message_context,
};
pub use producer::InjectingProducer;
pub use queue::RecordQueue;
