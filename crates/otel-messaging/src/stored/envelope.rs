//! A payload with its context, where the protocol has no headers.

use crate::carrier::maps::TextMap;
use crate::message::destination::Destination;
use crate::message::info::MessageInfo;
use crate::message::received::{Client, Describe, Received};
use crate::stored::context_carrier::{ContextCarrier, get_context};

/// A payload with its context, for places that have no headers: Redis lists, database rows, MQTT 3,
/// object-storage events.
///
/// With the feature `serde` it is written with its context beside the payload:
///
/// ```json
/// {"otel_context": {"traceparent": "00-…"}, "otel_payload": {"order": 7}}
/// ```
///
/// An envelope is a received message: pass it to [`with_message_context`](crate::with_message_context) or
/// [`process`](crate::process). [`open`](Self::open) returns the payload alone.
///
/// ```
/// use otel_messaging::{Envelope, process};
///
/// # async fn handle(_order: u32) {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // The sender: `new` stores the current context. Write the envelope to the list.
/// let envelope = Envelope::new(7);
///
/// // The receiver, which has read it:
/// let envelope = envelope.received_from("redis", "orders");
/// process(&envelope).run(handle(envelope.open())).await;
/// # }
/// ```
///
/// To give the sending a span of its own, use the module [`adapter`](crate::adapter):
///
/// ```
/// use otel_messaging::adapter::{Client, Describe, Destination, Outcome};
/// use otel_messaging::{ContextCarrier, Envelope, Instrumentation};
///
/// enum Redis {}
///
/// impl Client for Redis {
///     const SYSTEM: &'static str = "redis";
///     const NAME: &'static str = env!("CARGO_PKG_NAME");
///     const VERSION: &'static str = env!("CARGO_PKG_VERSION");
/// }
///
/// struct List(&'static str);
///
/// impl Describe<Redis> for List {
///     type Client = Redis;
///
///     fn destination(&self) -> Destination<'_> {
///         Destination::named(self.0)
///     }
/// }
///
/// let outgoing = Instrumentation::global().outgoing("lpush", &List("orders"));
/// let mut context = ContextCarrier::default();
/// outgoing.inject(&mut context, None);
/// let envelope = Envelope::with_context(7, context);
/// // Write it to the list, and end the span with the outcome.
/// outgoing.finish(Outcome::accepted());
/// # drop(envelope);
/// ```
///
/// Anyone who may write to the list chooses the context, as with headers. The context is read within
/// limits and without an error. An envelope without a context, with a malformed context or with several
/// is handled in a new trace. If the list has payloads that are older than the envelopes, read it with
/// `EnvelopeOrBare` (feature `serde`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Envelope<T> {
    #[cfg_attr(feature = "serde", serde(rename = "otel_context"))]
    context: ContextCarrier,
    #[cfg_attr(feature = "serde", serde(rename = "otel_payload"))]
    payload: T,
    #[cfg_attr(feature = "serde", serde(skip))]
    source: Source,
}

/// Where an envelope came from, as the receiver says. It is not written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Source {
    system: Option<&'static str>,
    destination: Option<String>,
}

impl<T> Envelope<T> {
    /// Puts the payload into an envelope with the [current context](crate::current_context).
    #[must_use]
    pub fn new(payload: T) -> Self {
        Self::with_context(payload, get_context())
    }

    /// Puts the payload into an envelope with a context that was stored.
    #[must_use]
    pub fn with_context(payload: T, context: ContextCarrier) -> Self {
        Self {
            context,
            payload,
            source: Source::default(),
        }
    }

    /// Puts the payload into an envelope without a context, for example because the payload is older than
    /// the envelopes.
    #[must_use]
    pub fn bare(payload: T) -> Self {
        Self::with_context(payload, ContextCarrier::default())
    }

    /// Sets where the envelope was received, for its span: `system` is `messaging.system.name`, such as
    /// `redis`, and `destination` is the name of the list or table. It should have few values. Without
    /// this call, the system is `envelope` and the span has no destination.
    #[must_use]
    pub fn received_from(mut self, system: &'static str, destination: impl Into<String>) -> Self {
        self.source = Source {
            system: Some(system),
            destination: Some(destination.into()),
        };
        self
    }

    /// The context that came with the payload.
    pub fn context(&self) -> &ContextCarrier {
        &self.context
    }

    /// The payload.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// Gives the payload without the context.
    pub fn open(self) -> T {
        self.payload
    }
}

/// The client of an [`Envelope`], in place of a client library: its name is the scope of the spans of
/// envelopes. It is inferred everywhere.
#[derive(Debug, Clone, Copy)]
pub enum Stored {}

impl Client for Stored {
    const SYSTEM: &'static str = "envelope";
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
}

impl<T> Describe<TextMap> for Envelope<T> {
    type Client = Stored;

    fn destination(&self) -> Destination<'_> {
        match &self.source.destination {
            Some(destination) => Destination::named(destination),
            None => Destination::unknown(),
        }
    }

    fn message_info(&self) -> MessageInfo<'_> {
        let info = MessageInfo::new(self.destination());
        match self.source.system {
            Some(system) => info.with_system(system),
            None => info,
        }
    }
}

impl<T> Received<TextMap> for Envelope<T> {
    type Headers = ContextCarrier;

    fn message_headers(&self) -> Option<&ContextCarrier> {
        Some(&self.context)
    }
}
