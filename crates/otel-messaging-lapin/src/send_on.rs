//! Sending a received message on: forwarding, republishing, and putting it aside.

use crate::channel::{PUBLISH, with_headers};
use crate::headers::as_text;
use crate::injecting_producer::InjectingProducer;
use crate::published::Published;
use crate::publisher_confirm::PublisherConfirm;
use crate::relay::relayed;
use crate::route::Route;
use lapin::message::Delivery;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{Channel, Result};
use otel_messaging::adapter::{DeadLetter, Relay};
use std::fmt::Display;

/// # Sending on
///
/// These methods take a received message, and publish its payload with its properties and headers. A
/// `BasicGetMessage` and a `BasicReturnMessage` give a `&Delivery` too. To RabbitMQ it is a new
/// message. Some properties and headers told the broker how to route the first one, such as `CC` and
/// `user_id`; others are notes of brokers on its way, such as `x-death` and `x-received-from`. They
/// would act on the new message: RabbitMQ would route it back, drop it, or close the channel. So they
/// go along as headers with a prefix, `received-CC` or `dead-letter-CC`, on which no broker acts. A few
/// that act are kept, such as `priority`, and by `forward` `expiration`. The table under "Sending on"
/// in this crate's documentation has every property and header, and what each method does with it.
///
/// A prefixed header that is there already, from an earlier time, stays. If a frame has no room for the
/// longer names, these headers are left out, and counted in
/// [`dropped_fields`](crate::loss::dropped_fields).
///
/// To change anything else, publish copies with [`basic_publish`](Self::basic_publish). It replaces
/// the context as `republish` does, but makes no link to the sender's span.
impl InjectingProducer<Channel> {
    /// Sends a message on with the context that it came with: for routers and bridges that are not a
    /// step of their own. The span is of kind CLIENT and linked to the sender's. The message is
    /// still its sender's, so its `expiration` stays; the time counts from this publish.
    ///
    /// A message without context, or with one that cannot be read, is published as by
    /// [`basic_publish`](Self::basic_publish). The span ends as there. A context that came as bytes,
    /// as some clients in Java and Python send it, goes on as the same text, because readers in Go and
    /// JavaScript take no other.
    ///
    /// # Errors
    ///
    /// Those of the channel, unchanged; the span is then marked as failed.
    pub fn forward(
        &self,
        delivery: &Delivery,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
    ) -> impl Future<Output = Result<PublisherConfirm>> {
        self.send_on(Relay::Forward, delivery, exchange, routing_key, options)
    }

    /// Sends a message on with the context that is current at the call in place of the one that it
    /// came with: for retries and for steps that hand the same message to the next. The span is of
    /// kind PRODUCER and linked to the sender's; it ends as with
    /// [`basic_publish`](Self::basic_publish). The counts of redelivery start anew.
    ///
    /// # Errors
    ///
    /// Those of the channel, unchanged; the span is then marked as failed.
    pub fn republish(
        &self,
        delivery: &Delivery,
        exchange: ShortString,
        routing_key: ShortString,
        options: BasicPublishOptions,
    ) -> impl Future<Output = Result<PublisherConfirm>> {
        self.send_on(Relay::Republish, delivery, exchange, routing_key, options)
    }

    /// Puts a message that could not be handled aside, as [`republish`](Self::republish) does, with
    /// what went wrong in its headers and on the span: `dead-letter-error` is the error's text,
    /// `dead-letter-source` the `{exchange}:{routing key}` that it came with, and
    /// `dead-letter-traceparent` its traceparent, so that the trace is found in which it failed.
    /// If a message is put aside once more, source and traceparent stay.
    ///
    /// The letter does not expire, and it is persistent: in a durable queue it outlives the broker.
    ///
    /// If a frame has no room for these headers, they are left out, and counted in
    /// [`dropped_fields`](crate::loss::dropped_fields). The broker's own dead-lettering, by `reject` and
    /// a queue's `x-dead-letter-exchange`, needs none of this: it keeps the context.
    ///
    /// # Errors
    ///
    /// Those of the channel, unchanged; the span is then marked as failed.
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
        let route = Route::new(exchange.as_str(), routing_key.as_str());
        let message = Published::new(route, &properties);
        let by = self.instrumentation();
        let outgoing = by.relay(relay, PUBLISH, &message, &mut headers, room);
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
