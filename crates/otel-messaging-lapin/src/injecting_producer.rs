//! A client whose messages carry their context.

use crate::wire_size::FrameMax;
use lapin::Channel;
use otel_messaging::Instrumentation;
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
    instrumentation: Option<Instrumentation>,
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
            instrumentation: None,
            frame_max: FrameMax::default(),
            info: ProducerInfo::default(),
        }
    }

    /// Sends by this instrumentation, in place of the global one. With
    /// [`Instrumentation::disabled`] the producer does what the channel does: it starts no spans and
    /// injects nothing.
    #[must_use]
    pub fn with_instrumentation(mut self, instrumentation: Instrumentation) -> Self {
        self.instrumentation = Some(instrumentation);
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

    /// The wrapped channel. A message that is published on it directly carries no context.
    pub fn get_ref(&self) -> &P {
        &self.inner
    }

    /// Gives the wrapped channel back.
    pub fn into_inner(self) -> P {
        self.inner
    }

    /// The instrumentation by which messages go out.
    #[inline]
    pub(crate) fn instrumentation(&self) -> &Instrumentation {
        let given = self.instrumentation.as_ref();
        given.unwrap_or_else(|| Instrumentation::global())
    }
}
