//! The channel that injects.

use crate::confirm::PublisherConfirm;
use crate::destination::Destination;
use crate::failure::error_type;
use crate::frame::{self, PER_HEADER};
use crate::message::{SYSTEM, describe_properties};
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Result};
use otel_messaging::{Description, Instrumentation, Sending};

/// A [`lapin::Channel`] whose messages carry the context that is current at the call.
///
/// It has the channel's publishing method and `wait_for_confirms`, with the same names and
/// arguments, and three methods that send a received message on: [`forward`](Self::forward),
/// [`republish`](Self::republish) and [`dead_letter`](Self::dead_letter). Everything else is done
/// on the channel itself, through [`get_ref`](Self::get_ref). There is no `Deref`: it would let a
/// message pass uninjected without a word.
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
#[derive(Debug, Clone)]
pub struct InjectingProducer<P> {
    inner: P,
    instrumentation: Option<Instrumentation>,
}

impl<P> InjectingProducer<P> {
    /// Wraps a channel; its messages go out by [`Instrumentation::global`].
    ///
    /// Wrap the client's own value, which is cheap to clone, and not a reference to it.
    #[must_use]
    pub fn new(inner: P) -> Self {
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

    /// The wrapped channel. What is published on it directly carries no context.
    pub fn get_ref(&self) -> &P {
        &self.inner
    }

    /// Gives the wrapped channel back.
    pub fn into_inner(self) -> P {
        self.inner
    }
}

impl InjectingProducer<Channel> {
    /// Publishes as [`Channel::basic_publish`] does, with the context that is current at the call
    /// in the message's headers.
    ///
    /// The span `publish {exchange}:{routing key}` ends with the broker's confirm, or when the
    /// channel has taken the message if confirms are not enabled on it. Headers of the caller stay
    /// as they are, but for the propagator's own fields, which are replaced.
    ///
    /// # Errors
    ///
    /// Those of the channel, unchanged; the span is then marked as failed.
    pub fn basic_publish(
        &self,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
        payload: &[u8],
        properties: BasicProperties,
    ) -> impl Future<Output = Result<PublisherConfirm>> {
        let description = describe(&exchange, &routing_key, &properties);
        let sending = Sending::start(self.instrumentation.as_ref(), description);
        let properties = inject(&sending, properties);
        self.publish(sending, exchange, routing_key, options, payload, properties)
    }

    /// Waits as [`Channel::wait_for_confirms`] does, and gives the messages that came back.
    ///
    /// It is for confirms that were dropped; their spans have ended, with their status unset.
    ///
    /// # Errors
    ///
    /// Those of the channel, unchanged.
    pub async fn wait_for_confirms(&self) -> Result<Vec<BasicReturnMessage>> {
        self.inner.wait_for_confirms().await
    }

    pub(crate) fn instrumentation(&self) -> Option<&Instrumentation> {
        self.instrumentation.as_ref()
    }

    /// Publishes what has its context already.
    pub(crate) async fn publish(
        &self,
        sending: Sending,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
        payload: &[u8],
        properties: BasicProperties,
    ) -> Result<PublisherConfirm> {
        let published = self
            .inner
            .basic_publish(exchange, routing_key, options, payload, properties)
            .await;
        match published {
            Ok(confirm) => {
                let answers = self.inner.status().confirm();
                Ok(PublisherConfirm::new(confirm, answers.then_some(sending)))
            }
            Err(error) => {
                sending.fail(error_type(&error), &error);
                Err(error)
            }
        }
    }
}

pub(crate) fn describe(
    exchange: &ShortString,
    routing_key: &ShortString,
    properties: &BasicProperties,
) -> Description {
    let mut description = sent(properties);
    Destination::new(exchange.as_str(), routing_key.as_str()).describe(&mut description);
    description
}

/// What is the same wherever the message goes.
pub(crate) fn sent(properties: &BasicProperties) -> Description {
    let mut description = Description::sent(SYSTEM, "publish");
    describe_properties(&mut description, properties);
    description
}

/// The caller's properties with the context of this message in place of any that they hold.
pub(crate) fn inject(sending: &Sending, properties: BasicProperties) -> BasicProperties {
    // The properties give their headers out by reference only.
    let headers = properties.headers().clone();
    with_headers(sending, properties, headers)
}

/// The properties with these headers in place of theirs, which get the context of this message.
pub(crate) fn with_headers(
    sending: &Sending,
    properties: BasicProperties,
    headers: Option<FieldTable>,
) -> BasicProperties {
    let is_own = headers.is_some();
    let mut headers = headers.unwrap_or_default();
    if is_own || sending.instrumentation().injection_budget() > frame::ALWAYS_FITS {
        sending.inject_where_room(&mut headers, PER_HEADER, |headers| {
            frame::room(&properties, headers)
        });
    } else {
        sending.inject(&mut headers);
    }
    if is_own || !headers.inner().is_empty() {
        properties.with_headers(headers)
    } else {
        properties
    }
}
