//! The wrapper that injects, and what it can wrap.

use crate::headers::Nats;
use crate::injection::Injection;
use crate::outbound::Outbound;
use crate::spelling::Spelling;
use crate::subject::destination;
use crate::wire_size::{of_headers, room_for};
use async_nats::message::OutboundMessage;
use async_nats::{Client, HeaderMap, Message, jetstream};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{Outgoing, Relay};
use std::sync::Arc;

/// An [`async_nats::Client`] or [`jetstream::Context`] whose
/// messages carry the context that is current at the call.
///
/// It has the publishing methods of what it wraps, with the same names and arguments, and three to
/// send a received message on: `forward`, `republish` and `dead_letter`. For everything else call the
/// client itself, through [`get_ref`](Self::get_ref). There is no `Deref`: with it, a message could
/// silently go out without its context.
///
/// Code that is generic over async-nats' traits accepts it in place of the wrapped client:
/// [`client::traits`](async_nats::client::traits), and for a JetStream context
/// [`jetstream::context::traits`]. It does not implement `ClientProvider`, which would hand out a client
/// that does not inject.
///
/// Headers count towards the server's `max_payload`, and a stream refuses headers of more than 65,535
/// bytes. This crate keeps both limits for core NATS too, because a publisher does not know whether
/// there is a stream. If a message has no room for all of the context, the crate leaves out members of
/// baggage first, then entries of tracestate. If there is no room even for a traceparent, the message
/// goes without its context. [`dropped_fields`](crate::loss::dropped_fields) counts what is left out.
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
///
/// It wraps nothing else:
///
/// ```compile_fail,E0277
/// # use otel_messaging_async_nats::InjectingProducer;
/// let producer = InjectingProducer::new(42);
/// ```
#[derive(Debug, Clone)]
pub struct InjectingProducer<P: Wrapped> {
    pub(crate) inner: P,
    /// It knows the size of the largest message. A JetStream context gives out a copy of its client,
    /// which is too much to make for each message.
    pub(crate) client: Arc<Client>,
    /// What a stream refuses; nothing for a client.
    pub(crate) limits: P::Limits,
    pub(crate) injection: Injection,
}

/// What an [`InjectingProducer`] can wrap: [`async_nats::Client`] and
/// [`jetstream::Context`]. Other crates cannot implement it.
#[diagnostic::on_unimplemented(
    message = "`InjectingProducer` of otel-messaging-async-nats cannot wrap `{Self}`",
    label = "not a client that publishes",
    note = "it wraps an `async_nats::Client` or an `async_nats::jetstream::Context`, by value (a clone of \
            it is cheap), of the version of async-nats that otel-messaging-async-nats depends on"
)]
pub trait Wrapped: sealed::Sealed {}

impl Wrapped for Client {}
impl Wrapped for jetstream::Context {}

mod sealed {
    use crate::limits::Limits;
    use async_nats::{Client, jetstream};
    use std::sync::Arc;

    pub trait Sealed {
        /// What is learnt of destinations. A client learns nothing: nobody answers a publish.
        type Limits: Clone;

        /// The client that publishes.
        fn client(&self) -> Client;

        fn limits(&self) -> Self::Limits;
    }

    impl Sealed for Client {
        type Limits = ();

        fn client(&self) -> Client {
            self.clone()
        }

        fn limits(&self) {}
    }

    impl Sealed for jetstream::Context {
        type Limits = Arc<Limits>;

        fn client(&self) -> Client {
            jetstream::Context::client(self)
        }

        fn limits(&self) -> Arc<Limits> {
            Limits::of(self)
        }
    }
}

impl<P: Wrapped> InjectingProducer<P> {
    /// Wraps a client or a JetStream context; its messages go out by [`Instrumentation::global`].
    ///
    /// Wrap the client's own value, which is cheap to clone, and not a reference to it.
    #[must_use]
    pub fn new(inner: P) -> Self {
        Self {
            client: Arc::new(inner.client()),
            limits: inner.limits(),
            inner,
            injection: Injection::default(),
        }
    }

    /// Sends by this instrumentation, in place of the global one. With
    /// [`Instrumentation::disabled`] the wrapper does what the bare client does.
    #[must_use]
    pub fn with_instrumentation(mut self, instrumentation: Instrumentation) -> Self {
        self.injection.sender.set_instrumentation(instrumentation);
        self
    }

    /// Writes the names of the context's headers in this spelling. The default is
    /// [`Spelling::AsReceived`].
    #[must_use]
    pub fn with_spelling(mut self, spelling: Spelling) -> Self {
        self.injection.spelling = spelling;
        self
    }

    /// Puts the address and the port of the server on spans and metrics, as `server.address` and
    /// `server.port`. The client does not know them: a server tells the address that it listens on, which
    /// is often `0.0.0.0`. Leave it out if the client may connect to several servers.
    ///
    /// ```no_run
    /// # use otel_messaging_async_nats::InjectingProducer;
    /// # fn wrap(client: async_nats::Client) {
    /// let producer = InjectingProducer::new(client).with_server("nats.internal", 4222);
    /// # }
    /// ```
    #[must_use]
    pub fn with_server(mut self, address: impl AsRef<str>, port: u16) -> Self {
        self.injection.info = self.injection.info.with_server(address, port);
        self
    }

    /// Starts a batch: the messages that you publish by the returned handle, or a clone of it, are sent
    /// together.
    ///
    /// Each message has a span `create {subject}`, a child of the context that is current at the call. Its
    /// context goes in the message. One span `publish {subject}`, of kind CLIENT, stands for the sending of
    /// all. It is a child of the context that is current now, has a link to each create span, and ends when
    /// all messages have their answers, or were dropped, and the handle and its clones are dropped.
    /// "Batches" in this crate's documentation has the details.
    ///
    /// ```no_run
    /// # use bytes::Bytes;
    /// # use otel_messaging_async_nats::InjectingProducer;
    /// # async fn publish(
    /// #     producer: InjectingProducer<async_nats::jetstream::Context>,
    /// #     orders: Vec<Bytes>,
    /// # ) -> Result<(), async_nats::Error> {
    /// let batch = producer.batch();
    /// let mut acks = Vec::new();
    /// for order in orders {
    ///     acks.push(batch.publish("orders", order).await?);
    /// }
    /// drop(batch);
    /// for ack in acks {
    ///     ack.await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "the messages that it publishes are the batch"]
    pub fn batch(&self) -> Self
    where
        P: Clone,
    {
        let mut batch = self.clone();
        let Injection { sender, info, .. } = &self.injection;
        batch.injection.sender = sender.batch::<Nats>("publish", info);
        batch
    }

    /// The wrapped client. What you publish on it directly carries no context.
    pub fn get_ref(&self) -> &P {
        &self.inner
    }

    /// Gives the wrapped client back.
    pub fn into_inner(self) -> P {
        self.inner
    }

    /// What the headers of a message may take, in bytes, by the server to which the client is connected
    /// now. `own` is what those take that it has without a context.
    fn room(&self, payload: usize, own: Option<usize>) -> usize {
        room_for(self.client.max_payload(), payload, own)
    }

    /// Starts the message's span and writes its context into the headers.
    pub(crate) fn inject(
        &self,
        operation: &'static str,
        subject: &str,
        headers: Option<HeaderMap>,
        payload: usize,
    ) -> (Outgoing, HeaderMap) {
        let message = Outbound::to(subject, headers.as_ref(), payload, &self.injection.info);
        let by = &self.injection.sender;
        let outgoing = by.outgoing(operation, &message);
        let own = of_headers(headers.as_ref());
        let room = self.room(payload, own);
        let mut headers = headers.unwrap_or_default();
        self.injection
            .write_beside(None, (&mut headers, own), &outgoing, room);
        (outgoing, headers)
    }

    /// Starts the span of a message that the caller has put together, and writes its context into it.
    pub(crate) fn inject_into(&self, message: &mut OutboundMessage) -> Outgoing {
        let headers = message.headers.take();
        let payload = message.payload.len();
        let (outgoing, headers) = self.inject("publish", &message.subject, headers, payload);
        message.headers = (!headers.is_empty()).then_some(headers);
        outgoing
    }

    /// Starts the span of a message that is sent on, and gives the headers with which it goes.
    pub(crate) fn relay(
        &self,
        relay: Relay<'_>,
        message: &Message,
        subject: &str,
    ) -> (Outgoing, HeaderMap) {
        let came = message.headers.as_ref();
        let payload = message.payload.len();
        let outbound = Outbound::to(subject, came, payload, &self.injection.info);
        let room = self.room(payload, of_headers(came));
        let source = destination(&message.subject);
        self.injection.relay(relay, source, &outbound, came, room)
    }
}
