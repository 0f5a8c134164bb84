//! A payload with its context, where the protocol has no headers.

use crate::carrier::maps::TextMap;
use crate::message::destination::Destination;
use crate::message::info::MessageInfo;
use crate::message::received::{Client, Describe, Received};
use crate::stored::context_carrier::{ContextCarrier, get_context};

/// A payload together with the context that it belongs to, for what has no headers: Redis lists,
/// database rows, MQTT 3, object-storage events.
///
/// With the feature `serde` it is written with its context beside the payload:
///
/// ```json
/// {"otel_context": {"traceparent": "00-…"}, "otel_payload": {"order": 7}}
/// ```
///
/// It is a received message: [`with_message_context`](crate::with_message_context) and
/// [`process`](crate::process) take it. [`open`](Self::open) gives the payload without the context,
/// so that nothing behind it has to know.
///
/// ```
/// use otel_messaging::{Envelope, process};
///
/// # async fn handle(_order: u32) {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // Here the context is taken along; then the envelope is written to the list.
/// let envelope = Envelope::new(7);
///
/// // There it has been read.
/// let envelope = envelope.received_from("redis", "orders");
/// process(&envelope).run(handle(envelope.open())).await;
/// # }
/// ```
///
/// To see the sending too, give it a span of its own: the `adapter` module has what an adapter's producer
/// uses.
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
/// // Write it to the list, and say what came of it.
/// outgoing.finish(Outcome::accepted());
/// # drop(envelope);
/// ```
///
/// Whoever may write to the list chooses the context, as with headers; a [`ContextCarrier`] is read
/// within limits, and without an error. An envelope without a context, with a malformed one or with
/// several is read, and handled in a trace of its own. What was written before there were envelopes is read by
/// `EnvelopeOrBare`, with the feature `serde`.
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

/// What the receiver says of where an envelope came from. It is not written.
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

    /// Puts the payload into an envelope without a context: what was read is older than the envelopes,
    /// or is nobody's.
    #[must_use]
    pub fn bare(payload: T) -> Self {
        Self::with_context(payload, ContextCarrier::default())
    }

    /// Says where the envelope was received, for the span of its handling: `messaging.system`, such as
    /// `redis`, and the destination, such as the name of the list or of the table, which is of low
    /// cardinality. Without it the system is `envelope`, and the span has no destination.
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

    /// The payload, for a look into the closed envelope.
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
