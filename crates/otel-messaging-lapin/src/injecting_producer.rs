//! A client whose messages carry their context.

use crate::headers::Lapin;
use crate::published::PUBLISH;
use crate::wire_size::FrameMax;
use lapin::Channel;
use otel_messaging::Instrumentation;
use otel_messaging::adapter::Sender;
use otel_messaging::producer::ProducerInfo;

/// A [`lapin::Channel`] whose messages carry the context that is current at the call.
///
/// It has the channel's publishing method and `wait_for_confirms`, with the same names and arguments;
/// [`publish_reply`](Self::publish_reply) for answers; and three methods that send a received message
/// on: [`forward`](Self::forward), [`republish`](Self::republish) and
/// [`dead_letter`](Self::dead_letter). For everything else use the channel itself, through
/// [`get_ref`](Self::get_ref). There is no `Deref`, because a method of the channel could then publish
/// a message without context by mistake.
///
/// ```no_run
/// # use lapin::options::BasicPublishOptions;
/// # use lapin::{BasicProperties, Channel};
/// # use otel_messaging_lapin::InjectingProducer;
/// # async fn publish(channel: Channel) -> lapin::Result<()> {
/// let channel = InjectingProducer::new(channel);
/// let options = BasicPublishOptions::default();
/// let properties = BasicProperties::default();
/// let confirm = channel
///     .basic_publish("".into(), "orders".into(), options, b"order 7", properties)
///     .await?;
/// confirm.await?;
/// # Ok(())
/// # }
/// ```
///
/// It wraps nothing else. A number does not implement [`Wrapped`]:
///
/// ```compile_fail,E0277
/// use otel_messaging_lapin::InjectingProducer;
///
/// let producer = InjectingProducer::new(42);
/// ```
#[derive(Debug, Clone)]
pub struct InjectingProducer<P: Wrapped> {
    inner: P,
    pub(crate) sender: Sender,
    pub(crate) frame_max: FrameMax,
    /// For spans and metrics: what a channel does not know.
    pub(crate) info: ProducerInfo,
}

/// A client that an [`InjectingProducer`] can wrap: [`lapin::Channel`]. Other crates cannot implement
/// it.
#[diagnostic::on_unimplemented(
    message = "`InjectingProducer` of otel-messaging-lapin cannot wrap `{Self}`",
    note = "it wraps a `lapin::Channel`, by value (a clone of it is cheap), of the version of lapin that \
            otel-messaging-lapin depends on"
)]
pub trait Wrapped: sealed::Sealed {}

impl Wrapped for Channel {}

mod sealed {
    pub trait Sealed {}

    impl Sealed for lapin::Channel {}
}

impl<P: Wrapped> InjectingProducer<P> {
    /// Wraps a channel. Its messages go out by [`Instrumentation::global`].
    ///
    /// Wrap the channel itself, which is cheap to clone, and not a reference to it.
    #[must_use]
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            sender: Sender::default(),
            frame_max: FrameMax::default(),
            info: ProducerInfo::default(),
        }
    }

    /// Sends by this instrumentation, in place of the global one. With
    /// [`Instrumentation::disabled`] the producer does what the channel does: it starts no spans and
    /// injects nothing.
    #[must_use]
    pub fn with_instrumentation(mut self, instrumentation: Instrumentation) -> Self {
        self.sender.set_instrumentation(instrumentation);
        self
    }

    /// Puts the address and the port of the broker on spans and metrics, as `server.address` and
    /// `server.port`. Neither a channel nor a connection of lapin knows them, so give those of the URL.
    /// Leave it out if there are several brokers.
    ///
    /// ```no_run
    /// # use lapin::Channel;
    /// # use otel_messaging_lapin::InjectingProducer;
    /// # fn wrap(channel: Channel) {
    /// let producer = InjectingProducer::new(channel).with_server("mq.internal", 5672);
    /// # }
    /// ```
    #[must_use]
    pub fn with_server(mut self, address: impl AsRef<str>, port: u16) -> Self {
        self.info = self.info.with_server(address, port);
        self
    }

    /// Starts a batch: the messages that you publish by the returned handle, or a clone of it, are sent
    /// together.
    ///
    /// Each message has a span `create {exchange}:{routing key}`, a child of the context that is current at
    /// the call. Its context goes in the message. One span `publish {exchange}:{routing key}`, of kind
    /// CLIENT, stands for the sending of all. It is a child of the context that is current now, has a link
    /// to each create span, and ends when the broker has answered all messages, or their confirms were
    /// dropped, and the handle and its clones are dropped. "Batches" in this crate's documentation has the
    /// details.
    ///
    /// ```no_run
    /// # use lapin::Channel;
    /// # use otel_messaging_lapin::InjectingProducer;
    /// # async fn publish(
    /// #     producer: InjectingProducer<Channel>,
    /// #     orders: Vec<Vec<u8>>,
    /// # ) -> lapin::Result<()> {
    /// let batch = producer.batch();
    /// let mut confirms = Vec::new();
    /// for order in &orders {
    ///     let (options, properties) = Default::default();
    ///     let confirm = batch.basic_publish("".into(), "orders".into(), options, order, properties);
    ///     confirms.push(confirm.await?);
    /// }
    /// drop(batch);
    /// for confirm in confirms {
    ///     confirm.await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "the messages that it publishes are the batch"]
    pub fn batch(&self) -> Self
    where
        P: Clone,
    {
        let sender = self.sender.batch::<Lapin>(PUBLISH, &self.info);
        Self {
            sender,
            ..self.clone()
        }
    }

    /// The wrapped channel. A message that is published on it directly carries no context.
    pub fn get_ref(&self) -> &P {
        &self.inner
    }

    /// Gives the wrapped channel back.
    pub fn into_inner(self) -> P {
        self.inner
    }
}
