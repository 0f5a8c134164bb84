#![doc = include_str!("../README.md")]

mod base_producer;
mod configuration;
mod consumer_info;
mod delivery_future;
mod error_type;
mod future_producer;
mod headers;
mod injecting_context;
mod injecting_producer;
mod json_quotes;
mod limits;
mod native;
mod offsets;
mod parse_lock;
mod received;
mod record;
mod record_queue;
mod registered;
mod relay;
mod restorable_headers;
mod settle;
mod settling_context;
mod span_attributes;
mod until_queued_producer;
mod wire_size;

pub use consumer_info::consumer_info;
pub use delivery_future::DeliveryFuture;
pub use headers::{Kafka, raw_headers};
pub use injecting_context::{InFlight, InjectingContext};
pub use injecting_producer::{InjectingProducer, Wrapped};
pub use offsets::Offsets;
pub use offsets::assignment::{Assignment, HasAssignment};
pub use received::ReceivedRecord;
pub use record_queue::RecordQueue;
pub use registered::Registered;
pub use settle::{Settlement, Settler};
pub use settling_context::SettlingContext;
pub use until_queued_producer::UntilQueuedProducer;

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
