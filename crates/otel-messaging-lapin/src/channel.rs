//! A channel whose messages carry their context.

use crate::injecting_producer::InjectingProducer;
use crate::lent_headers::LentHeaders;
use crate::published::{PUBLISH, Published};
use crate::publisher_confirm::PublisherConfirm;
use crate::publishing::Publishing;
use crate::route::Route;
use crate::wire_size::FrameMax;
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Connection, Result};
use otel_messaging::adapter::Outgoing;

impl InjectingProducer<Channel> {
    /// Takes the size of a frame from the channel's connection, which a channel does not know. Call it if
    /// the broker or the program has set another size than the default of 131,072 bytes.
    ///
    /// All headers and properties of a message have to fit into one frame, or the connection ends. So the
    /// producer leaves out the part of a context that does not fit.
    ///
    /// The producer reads the size at each publish: if lapin recovers the connection and then agrees on
    /// another size, that one counts.
    ///
    /// ```no_run
    /// # use lapin::{Connection, ConnectionProperties};
    /// # use otel_messaging_lapin::InjectingProducer;
    /// # async fn connect() -> lapin::Result<()> {
    /// let url = "amqp://127.0.0.1:5672/%2f?frame_max=8192";
    /// let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    /// let channel = connection.create_channel().await?;
    /// let channel = InjectingProducer::new(channel).with_connection(&connection);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_connection(mut self, connection: &Connection) -> Self {
        self.frame_max = FrameMax::of(connection);
        self
    }

    /// Publishes as [`Channel::basic_publish`] does, with the context that is current at the call
    /// in the message's headers.
    ///
    /// The span `publish {exchange}:{routing key}` ends with the broker's confirm, or when the channel
    /// has taken the message if confirms are not enabled on it. The caller's headers stay as they are,
    /// except the propagator's own fields, which the wrapper replaces.
    ///
    /// # Errors
    ///
    /// The channel's error, unchanged. It marks the span as failed.
    pub fn basic_publish(
        &self,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
        payload: &[u8],
        properties: BasicProperties,
    ) -> impl Future<Output = Result<PublisherConfirm>> {
        let message = Published {
            route: Route::new(exchange.as_str(), routing_key.as_str()),
            is_reply: false,
            properties: &properties,
            headers: properties.headers().as_ref(),
            payload,
            info: &self.info,
        };
        let outgoing = self.sender.outgoing(PUBLISH, &message);
        let properties = self.inject(&outgoing, properties);
        self.publish(
            outgoing,
            exchange,
            routing_key,
            options,
            payload,
            properties,
        )
    }

    /// Answers a request: publishes through the default exchange to the queue that the request names in
    /// `reply_to`, as [`basic_publish`](Self::basic_publish) does.
    ///
    /// Clients make such a queue for themselves alone, and name it at random. So the span is called
    /// `publish`, and the queue is a temporary destination. `basic_publish` does the same for
    /// queues that RabbitMQ names and for direct reply-to.
    ///
    /// # Errors
    ///
    /// The channel's error, unchanged. It marks the span as failed.
    pub fn publish_reply(
        &self,
        reply_to: ShortString,
        options: BasicPublishOptions,
        payload: &[u8],
        properties: BasicProperties,
    ) -> impl Future<Output = Result<PublisherConfirm>> {
        let message = Published {
            route: Route::new("", reply_to.as_str()),
            is_reply: true,
            properties: &properties,
            headers: properties.headers().as_ref(),
            payload,
            info: &self.info,
        };
        let outgoing = self.sender.outgoing(PUBLISH, &message);
        let properties = self.inject(&outgoing, properties);
        self.publish(outgoing, "".into(), reply_to, options, payload, properties)
    }

    /// Waits as [`Channel::wait_for_confirms`] does, and returns the messages that came back.
    ///
    /// It is for confirms that were dropped; their spans have ended, with their status unset.
    ///
    /// # Errors
    ///
    /// The channel's error, unchanged.
    pub async fn wait_for_confirms(&self) -> Result<Vec<BasicReturnMessage>> {
        self.get_ref().wait_for_confirms().await
    }

    /// The caller's properties with the context of this message in place of any that they hold.
    // Inlined, because each call would copy the properties.
    #[inline(always)]
    fn inject(&self, outgoing: &Outgoing, properties: BasicProperties) -> BasicProperties {
        let mut headers = LentHeaders::of(&properties);
        outgoing.inject(&mut headers, self.frame_max.room(&properties));
        match headers.into_changed() {
            Some(headers) => properties.with_headers(headers),
            None => properties,
        }
    }

    /// Publishes a message that has its context already.
    // Inlined, because the call would copy the properties.
    #[inline(always)]
    pub(crate) fn publish(
        &self,
        outgoing: Outgoing,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
        payload: &[u8],
        properties: BasicProperties,
    ) -> impl Future<Output = Result<PublisherConfirm>> {
        let channel = self.get_ref();
        Publishing {
            published: channel.basic_publish(exchange, routing_key, options, payload, properties),
            channel,
            outgoing: Some(outgoing),
        }
    }
}
