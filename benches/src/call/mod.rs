//! What users call for a message, whole: `process` around a handler, and a send.
//!
//! Both stand beside the same by hand, beside what the message needs without any span (the limit), and a send also
//! beside the client's own call. Everything is polled by hand: only the polls are counted, so that what the
//! threads of a client do is not.

pub mod amqp;
pub mod jetstream;
pub mod kafka;
mod measure;
mod metrics;
pub mod nats;
mod poll;
mod process;
mod server;
mod setting;
mod span;
#[cfg(feature = "tracing")]
mod traced;

pub use jetstream::JetStream;
pub use metrics::{Processing, Sending};
pub use poll::Polling;
pub use process::{
    begin_by_hand, came, handle_by_hand, process, process_by_hand, process_without_span,
    run_by_hand,
};
pub use setting::Setting;
pub use span::{end, start};

use crate::client::Client;
use opentelemetry::KeyValue;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::SpanBuilder;
use otel_messaging::{Instrumentation, Received};
use std::time::SystemTime;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A message that has a traceparent and no other header, a handler that does nothing, and the
    /// end of the span.
    Process,
    /// A message without headers, by the client's most usual call, until the client gives its
    /// answer; the context that is current came with a message.
    Send,
}

/// The messages of one client, as a program handles them.
pub trait Receives {
    type Client: Client;
    type Message: Received<Marker<Self>>;

    /// A message that came in, with these headers.
    fn message(headers: HeadersOf<Self>) -> Self::Message;

    fn headers(message: &Self::Message) -> Option<&HeadersOf<Self>>;

    /// By hand: the span of its handling, and whether the message comes again so often that it has no part in its
    /// sender's trace (SECURITY.md, "Limits": 10 deliveries).
    fn process_span(message: &Self::Message) -> (SpanBuilder, bool);

    /// By hand: what the metrics of a message's handling have.
    fn process_labels() -> Vec<KeyValue>;

    /// When a message was sent, if it says that.
    fn sent_at(_message: &Self::Message) -> Option<SystemTime> {
        None
    }
}

type Marker<M> = <<M as Receives>::Client as Client>::Marker;
pub type HeadersOf<M> = <<M as Receives>::Client as Client>::Headers;

/// The sends of one client.
pub trait Sends: Client {
    /// What goes to the call that sends, made before.
    type Record;
    /// The client itself, connected.
    type Sender;
    /// The client in the adapter's wrapper.
    type Injecting;

    /// With headers, if the caller gives some.
    fn record(headers: Option<Self::Headers>) -> Self::Record;

    /// Connects to something in this process. The connection lasts as long as the process.
    fn connect() -> Self::Sender;

    /// By hand: what the metrics of a send have.
    fn send_labels(sender: &Self::Sender) -> Vec<KeyValue>;

    /// Keeps answers back from now on: whether one comes before it is waited for would else be a
    /// matter of threads.
    fn hold(_sender: &Self::Sender) {}

    /// Lets them come.
    fn release(_sender: &Self::Sender) {}

    /// Wraps the client. Without an instrumentation given, the global one counts.
    fn injecting(sender: &Self::Sender, by: Option<Instrumentation>) -> Self::Injecting;

    /// Sends through the adapter.
    fn send(injecting: &Self::Injecting, record: Self::Record) -> impl Future<Output = ()>;

    /// By hand: the span and its traceparent, and the client's own call.
    fn send_by_hand(
        sender: &Self::Sender,
        tracer: &BoxedTracer,
        record: Self::Record,
    ) -> impl Future<Output = ()>;

    /// The limit: the traceparent of the context that is current, and the client's own call.
    fn send_without_span(sender: &Self::Sender, record: Self::Record) -> impl Future<Output = ()>;

    /// The client's own call alone.
    fn send_bare(sender: &Self::Sender, record: Self::Record) -> impl Future<Output = ()>;

    /// What the client's types force upon whoever has only the record: the caller's headers, copied and dropped.
    fn force(_record: &Self::Record) {}
}
