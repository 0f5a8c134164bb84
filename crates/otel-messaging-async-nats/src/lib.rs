#![doc = include_str!("../README.md")]

mod ack_subject;
mod client;
mod consumer_info;
mod contexts;
mod dead_letter;
mod error_type;
mod header_name;
mod headers;
mod injecting_producer;
mod injection;
mod jetstream_context;
mod kept;
mod limits;
mod outbound;
mod outcome;
mod publish_ack_future;
mod publishing;
mod received;
mod relay;
mod service_error;
#[cfg(feature = "service")]
mod service_request;
mod settle;
mod spelled;
mod spelling;
mod subject;
mod wire_size;

pub use consumer_info::consumer_info;
pub use dead_letter::{DEAD_LETTER_SEQUENCE, DEAD_LETTER_STREAM};
pub use headers::Nats;
pub use injecting_producer::{InjectingProducer, Wrapped};
#[cfg(feature = "sdk")]
pub use otel_messaging::sdk;
pub use otel_messaging::{
    ContextCarrier, Envelope, Failure, Instrumentation, Job, Received, attach_context, background,
    closure_in_context, consumer, current_context, extract, future_in_context, get_context, guard,
    inject, instrumentation, loss, opentelemetry, process, process_batch, producer, propagation,
    self_check, stored, trust, try_with_batch_context, try_with_message_context,
    try_with_message_context_with, with_batch_context, with_batch_settlement, with_message_context,
    with_settlement, with_settlement_with,
};
pub use publish_ack_future::{Acknowledgement, PublishAckFuture};
#[cfg(feature = "service")]
pub use service_request::InjectingRequest;
pub use settle::{Settlement, Settler};
pub use spelling::Spelling;
