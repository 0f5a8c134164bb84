//! Sending a received message on: forwarding, republishing, and putting it aside.

use crate::headers::as_text;
use crate::injecting_producer::InjectingProducer;
use crate::published::{PUBLISH, Published};
use crate::publisher_confirm::PublisherConfirm;
use crate::relay::relayed;
use crate::route::Route;
use lapin::message::Delivery;
use lapin::options::BasicPublishOptions;
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Result};
use otel_messaging::adapter::{DeadLetter, Relay};
use std::fmt::Display;

/// # Sending on
///
/// These methods take a received message, and publish its payload with its properties and headers. A
/// `BasicGetMessage` and a `BasicReturnMessage` give a `&Delivery` too. To RabbitMQ the result is a new
/// message. Some of its properties and headers told the broker how to route the old one, such as `CC` and
/// `user_id`. Brokers wrote others on the way, such as `x-death` and `x-received-from`. RabbitMQ would
/// act on them again: it would route the new message back, drop it, or close the channel. So they go
/// along as headers with a prefix, `received-CC` or `dead-letter-CC`, on which no broker acts. A few on
/// which brokers act are kept, such as `priority`; `forward` also keeps `expiration`. The table under
/// "Sending on" in this crate's documentation has every property and header, and what each method does
/// with it.
///
/// If the message already has a header with the longer name, that header stays. If a frame has no room
/// for the longer names, these headers are left out, and counted in
/// [`dropped_fields`](crate::loss::dropped_fields).
///
/// To change anything else, publish copies with [`basic_publish`](Self::basic_publish). It replaces
/// the context as `republish` does, but makes no link to the sender's span.
impl InjectingProducer<Channel> {
    /// Sends a message on with the context that it came with. Use it for routers and bridges that are not
    /// a step of their own. The span is of kind CLIENT and linked to the sender's span. The message is
    /// still its sender's, so its `expiration` stays; the time counts from this publish.
    ///
    /// A message without a readable context is published as by [`basic_publish`](Self::basic_publish).
    /// The span ends as with `basic_publish`. If a context came as bytes, as some clients in Java and
    /// Python send it, the same text goes on as a string, because readers in Go and JavaScript do not
    /// accept bytes.
    ///
    /// # Errors
    ///
    /// The channel's error, unchanged. It marks the span as failed.
    pub fn forward(
        &self,
        delivery: &Delivery,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
    ) -> impl Future<Output = Result<PublisherConfirm>> {
        self.send_on(Relay::Forward, delivery, exchange, routing_key, options)
    }

    /// Sends a message on with the current context, in place of the old one. Use it for retries and for
    /// steps that hand the same message to the next. The span is of kind PRODUCER and linked to the
    /// sender's span. It ends as with [`basic_publish`](Self::basic_publish). The counts of redelivery
    /// start anew.
    ///
    /// # Errors
    ///
    /// The channel's error, unchanged. It marks the span as failed.
    pub fn republish(
        &self,
        delivery: &Delivery,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
    ) -> impl Future<Output = Result<PublisherConfirm>> {
        self.send_on(Relay::Republish, delivery, exchange, routing_key, options)
    }

    /// Puts aside a message that could not be handled. It does what [`republish`](Self::republish) does,
    /// and writes the failure into the headers and onto the span: `dead-letter-error` is the error's
    /// text, `dead-letter-source` the `{exchange}:{routing key}` of the message, and
    /// `dead-letter-traceparent` its traceparent, by which you find the trace in which it failed. If a
    /// letter is put aside again, source and traceparent stay.
    ///
    /// The letter does not expire, and it is persistent: in a durable queue it outlives the broker.
    ///
    /// If a frame has no room for these headers, they are left out, and counted in
    /// [`dropped_fields`](crate::loss::dropped_fields). The broker's own dead-lettering, by `reject` and
    /// a queue's `x-dead-letter-exchange`, needs none of this: it keeps the context.
    ///
    /// # Errors
    ///
    /// The channel's error, unchanged. It marks the span as failed.
    pub fn dead_letter(
        &self,
        delivery: &Delivery,
        error: &dyn Display,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
    ) -> impl Future<Output = Result<PublisherConfirm>> {
        let source = Route::of(delivery).destination();
        let letter = DeadLetter::new(source, error);
        let relay = Relay::DeadLetter(&letter);
        self.send_on(relay, delivery, exchange, routing_key, options)
    }

    fn send_on<'a, 'm>(
        &'a self,
        relay: Relay<'_>,
        delivery: &'m Delivery,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
    ) -> impl Future<Output = Result<PublisherConfirm>> + use<'a, 'm> {
        let (properties, headers) = relayed(&delivery.properties, relay, &self.frame_max);
        let is_own = headers.is_some();
        let mut headers = headers.unwrap_or_default();
        let room = self.frame_max.room(&properties);
        let message = Published {
            route: Route::new(exchange.as_str(), routing_key.as_str()),
            is_reply: false,
            properties: &properties,
            headers: delivery.properties.headers().as_ref(),
            payload: &delivery.data,
            info: &self.info,
        };
        let by = &self.sender;
        let source = Route::of(delivery).destination();
        let outgoing = by.relay(relay, source, PUBLISH, &message, &mut headers, room);
        if outgoing.keeps_context() {
            headers = as_text(headers);
        }
        outgoing.inject(&mut headers, room);
        let properties = with_headers(properties, is_own, headers);
        let payload = &delivery.data;
        self.publish(
            outgoing,
            exchange,
            routing_key,
            options,
            payload,
            properties,
        )
    }
}

/// A message that had no headers gets a table only if the table has an entry.
fn with_headers(properties: BasicProperties, is_own: bool, headers: FieldTable) -> BasicProperties {
    if is_own || !headers.inner().is_empty() {
        properties.with_headers(headers)
    } else {
        properties
    }
}
