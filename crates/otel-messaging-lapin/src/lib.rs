#![doc = include_str!("../README.md")]

mod app_properties;
mod confirm;
mod destination;
mod failure;
mod frame;
mod headers;
mod message;
mod onward;
mod producer;
mod redelivery;
mod relay;
mod reply;

pub use confirm::PublisherConfirm;
pub use headers::Lapin;
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
