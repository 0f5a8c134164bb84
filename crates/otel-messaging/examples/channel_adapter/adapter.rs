//! The adapter: a carrier, a received message, a producer.

use crate::channel::{Message, Properties, SendError, Sender};
use otel_messaging::adapter::{
    Carrier, CarrierError, CarrierMut, Client, Describe, Destination, FieldValue, MessageInfo,
    Outcome,
};
use otel_messaging::{Instrumentation, Received};

/// The marker of this adapter. Callers never name it.
pub enum Channel {}

impl Client for Channel {
    const SYSTEM: &'static str = "channel";
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
}

/// What a message may take, in bytes: the channel's limit for properties.
const MOST: usize = 16 * 1024;

impl Carrier<Channel> for Properties {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter();
        let named = named.filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

impl CarrierMut<Channel> for Properties {
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.0.push((name.to_owned(), value.into_string()));
        Ok(())
    }

    fn remove(&mut self, names: &[&str]) {
        let is_named = |key: &str| names.iter().any(|name| key.eq_ignore_ascii_case(name));
        self.0.retain(|(key, _)| !is_named(key));
    }

    fn left_of(&self, room: usize) -> Option<usize> {
        let sizes = self.0.iter().map(|(key, value)| key.len() + value.len());
        room.checked_sub(sizes.sum())
    }
}

/// A message is known by its channel, on its way out and in.
impl Describe<Channel> for Message {
    type Client = Channel;

    fn destination(&self) -> Destination<'_> {
        Destination::named(&self.channel)
    }

    fn message_info(&self) -> MessageInfo<'_> {
        let id = Carrier::get(&self.properties, "id");
        MessageInfo::new(self.destination()).with_message_id(id)
    }
}

impl Received<Channel> for Message {
    type Headers = Properties;

    fn message_headers(&self) -> Option<&Properties> {
        Some(&self.properties)
    }
}

/// A sender whose messages carry the context that is current at the call.
#[derive(Debug, Clone)]
pub struct InjectingProducer {
    inner: Sender,
    instrumentation: Option<Instrumentation>,
}

impl InjectingProducer {
    /// Wraps a sender; its messages go out by [`Instrumentation::global`].
    pub fn new(inner: Sender) -> Self {
        Self {
            inner,
            instrumentation: None,
        }
    }

    /// Sends by this instrumentation, in place of the global one.
    #[must_use]
    pub fn with_instrumentation(mut self, instrumentation: Instrumentation) -> Self {
        self.instrumentation = Some(instrumentation);
        self
    }

    /// Sends as [`Sender::send`] does, with a span `send {channel}`.
    pub fn send(&self, mut message: Message) -> Result<(), SendError> {
        // The global one is looked up at each call: it may be set later.
        let by = self.instrumentation.as_ref();
        let by = by.unwrap_or_else(|| Instrumentation::global());
        let outgoing = by.outgoing("send", &message);
        outgoing.inject(&mut message.properties, Some(MOST));
        let sent = self.inner.send(message);
        outgoing.finish(match &sent {
            Ok(()) => Outcome::accepted(),
            Err(error) => Outcome::failed(error_type(error), error),
        });
        sent
    }
}

/// A name of low cardinality.
fn error_type(error: &SendError) -> &'static str {
    match error {
        SendError::Full(_) => "Full",
        SendError::Closed(_) => "Closed",
    }
}
