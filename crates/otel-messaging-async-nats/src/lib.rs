#![doc = include_str!("../README.md")]

mod ack_subject;
mod client;
mod headers;
mod injection;
mod jetstream;
mod kept;
mod message;
mod onward;
mod producer;
mod relay;
#[cfg(feature = "service")]
mod service;
mod service_error;
mod spelled;
mod spelling;
mod subject;
mod traits;

pub use headers::Nats;
pub use jetstream::{Acknowledgement, PublishAckFuture};
pub use onward::{DEAD_LETTER_SEQUENCE, DEAD_LETTER_STREAM};
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
#[cfg(feature = "service")]
pub use service::InjectingRequest;
pub use spelling::Spelling;
