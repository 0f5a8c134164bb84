#![doc = include_str!("../README.md")]

mod app_properties;
mod channel;
mod consumer_info;
mod error_type;
mod headers;
mod injecting_producer;
mod lent_headers;
mod published;
mod publisher_confirm;
mod publishing;
mod received;
mod redelivery;
mod relay;
mod route;
mod send_on;
mod settle;
mod wire_size;

pub use consumer_info::consumer_info;
pub use headers::Lapin;
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
pub use publisher_confirm::PublisherConfirm;
pub use settle::{Settlement, Settler};
