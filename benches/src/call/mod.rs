//! What users call for a message, whole: `process` around a handler, and a send.
//!
//! Both stand beside the same by hand (the bound), and beside what the message needs without any
//! span (the wire). Everything is polled by hand: only the polls are counted, so that what the
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

pub use metrics::{Processing, Sending};
pub use poll::Polling;
pub use process::{
    begin_by_hand, carried, handle_by_hand, process, process_by_hand, process_without_span,
    run_by_hand,
};
pub use setting::Setting;
pub use span::start;

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

/// The calls of one client.
pub trait Calls: Client {
    type Message: Received<Self::Marker>;
    /// What goes to the call that sends, made before.
    type Record;
    /// The client itself, connected.
    type Sender;
    /// The client in the adapter's wrapper.
    type Injecting;

    /// A message that came in, with these headers.
    fn message(headers: Self::Headers) -> Self::Message;

    fn headers(message: &Self::Message) -> Option<&Self::Headers>;

    /// The bound: the span of its handling.
    fn process_span(message: &Self::Message) -> SpanBuilder;

    /// The bound: what the metrics of a message's handling have.
    fn process_labels() -> Vec<KeyValue>;

    /// When a message was sent, if it says that.
    fn sent_at(_message: &Self::Message) -> Option<SystemTime> {
        None
    }

    fn record() -> Self::Record;

    /// Connects to something in this process. The connection lasts as long as the process.
    fn connect() -> Self::Sender;

    /// The bound: what the metrics of a send have.
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

    /// The bound: the span and its traceparent by hand, and the client's own call.
    fn send_by_hand(
        sender: &Self::Sender,
        tracer: &BoxedTracer,
        record: Self::Record,
    ) -> impl Future<Output = ()>;

    /// The wire: the traceparent of the context that is current, and the client's own call.
    fn send_without_span(sender: &Self::Sender, record: Self::Record) -> impl Future<Output = ()>;
}
