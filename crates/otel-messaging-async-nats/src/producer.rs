//! The wrapper that injects.

use crate::injection::{Injection, Outgoing};
use crate::spelling::Spelling;
use async_nats::HeaderMap;
use otel_messaging::{Instrumentation, Sending};

/// An [`async_nats::Client`] or [`jetstream::Context`](async_nats::jetstream::Context) whose
/// messages carry the context that is current at the call.
///
/// It has the publishing methods of what it wraps, with the same names and arguments, and three to
/// send a received message on: `forward`, `republish` and `dead_letter`. Everything else is done on
/// the client itself, through [`get_ref`](Self::get_ref). There is no `Deref`: it would let a
/// message pass uninjected without a word.
///
/// Code that is generic over async-nats' traits takes it in place of what it wraps:
/// [`client::traits`](async_nats::client::traits), and for a JetStream context
/// [`jetstream::context::traits`](async_nats::jetstream::context::traits), without
/// `ClientProvider`, which would hand out a client that does not inject.
///
/// Headers count towards the server's `max_payload`, and a stream refuses headers of more than 65,535
/// bytes. This crate keeps both limits for core NATS too, because a publisher does not know whether there
/// is a stream. Of a context for which a message has no room, members of baggage are left out first, then entries of
/// tracestate; where there is none even for a traceparent, the message goes without its context. Each
/// is counted in [`dropped_fields`](crate::dropped_fields).
///
/// ```no_run
/// # use async_nats::Client;
/// # use otel_messaging_async_nats::InjectingProducer;
/// # async fn publish(client: Client) -> Result<(), async_nats::Error> {
/// let producer = InjectingProducer::new(client.clone());
/// producer.publish("orders", "order 7".into()).await?;
///
/// let jetstream = InjectingProducer::new(async_nats::jetstream::new(client));
/// jetstream.publish("orders", "order 7".into()).await?.await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct InjectingProducer<P> {
    pub(crate) inner: P,
    pub(crate) injection: Injection,
}

impl<P> InjectingProducer<P> {
    /// Wraps a client or a JetStream context; its messages go out by [`Instrumentation::global`].
    ///
    /// Wrap the client's own value, which is cheap to clone, and not a reference to it.
    #[must_use]
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            injection: Injection::default(),
        }
    }

    /// Sends by this instrumentation, in place of the global one.
    #[must_use]
    pub fn with_instrumentation(mut self, instrumentation: Instrumentation) -> Self {
        self.injection.instrumentation = Some(instrumentation);
        self
    }

    /// Writes the names of the context's headers in this spelling. The default is
    /// [`Spelling::AsReceived`].
    #[must_use]
    pub fn with_spelling(mut self, spelling: Spelling) -> Self {
        self.injection.spelling = spelling;
        self
    }

    /// The wrapped client. What is published on it directly carries no context.
    pub fn get_ref(&self) -> &P {
        &self.inner
    }

    /// Gives the wrapped client back.
    pub fn into_inner(self) -> P {
        self.inner
    }

    /// Starts the message's span and writes its context into the headers.
    pub(crate) fn inject(
        &self,
        operation: &'static str,
        message: Outgoing<'_>,
        headers: Option<HeaderMap>,
    ) -> (Sending, HeaderMap) {
        self.injection.start(operation, message, headers)
    }
}
