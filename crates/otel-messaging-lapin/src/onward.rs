//! Sending a received message on.

use crate::confirm::PublisherConfirm;
use crate::destination::Destination;
use crate::frame::{self, PER_HEADER};
use crate::headers::as_text;
use crate::producer::{InjectingProducer, describe, with_headers};
use crate::relay::{Way, relayed};
use lapin::message::Delivery;
use lapin::options::BasicPublishOptions;
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Result};
use otel_messaging::{DeadLetter, Sending};
use std::fmt::Display;

/// # Sending on
///
/// These take a received message, which a `BasicGetMessage` and a `BasicReturnMessage` are by
/// reference too, and publish its payload with its properties and headers. To RabbitMQ it is a new
/// message. What told the broker how to route the first one, such as `CC` and `user_id`, and what
/// brokers noted on its way, such as `x-death` and `x-received-from`, would act on the new one:
/// RabbitMQ would route it back, drop it, or close the channel. So they go along as headers with a
/// prefix, `received-CC` or `dead-letter-CC`, which no broker acts on. A few that act are kept, such
/// as `priority`, and by `forward` `expiration`. The table under "Sending on" in this crate's
/// documentation has every property and header, and what each method does with it.
///
/// A prefixed header that is there already, from an earlier time, stays. Where a frame has no room
/// for the longer names, these headers are left out, and counted in
/// [`dropped_fields`](crate::dropped_fields).
///
/// To change anything else, publish copies with [`basic_publish`](Self::basic_publish). It replaces
/// the context as `republish` does, but makes no link to the sender's span.
impl InjectingProducer<Channel> {
    /// Sends a message on with the context that it came with: for routers and bridges that are no
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
        let (properties, headers) = relayed(&delivery.properties, Way::Forward);
        let description = describe(&exchange, &routing_key, &properties);
        let by = self.instrumentation();
        let sending = Sending::forward(by, description, headers.as_ref());
        let headers = match headers {
            Some(headers) if sending.is_forwarded() => Some(as_text(headers)),
            headers => headers,
        };
        let properties = with_headers(&sending, properties, headers);
        let payload = &delivery.data;
        self.publish(sending, exchange, routing_key, options, payload, properties)
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
        let (properties, headers) = relayed(&delivery.properties, Way::Republish);
        let description = describe(&exchange, &routing_key, &properties);
        let by = self.instrumentation();
        let sending = Sending::republish(by, description, headers.as_ref());
        let properties = with_headers(&sending, properties, headers);
        let payload = &delivery.data;
        self.publish(sending, exchange, routing_key, options, payload, properties)
    }

    /// Puts a message that could not be handled aside, as [`republish`](Self::republish) does, with
    /// what went wrong in its headers and on the span: `dead-letter-error` is the error's text,
    /// `dead-letter-source` the `{exchange}:{routing key}` that it came with, and
    /// `dead-letter-traceparent` its traceparent, so that the trace is found in which it failed.
    /// Of a message that is put aside once more, source and traceparent stay.
    ///
    /// The letter does not expire, and it is persistent: in a durable queue it outlives the broker.
    ///
    /// Headers for which there is no room in a frame are left out, and counted in
    /// [`dropped_fields`](crate::dropped_fields). The broker's own dead-lettering, by `reject` and
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
        let (properties, headers) = relayed(&delivery.properties, Way::DeadLetter);
        let description = describe(&exchange, &routing_key, &properties);
        let source = Destination::new(delivery.exchange.as_str(), delivery.routing_key.as_str());
        let source = source.name();
        let dead_letter = DeadLetter::new(&source, error);
        let mut headers = headers.unwrap_or_default();
        let room = |headers: &FieldTable| frame::room(&properties, headers);
        let by = self.instrumentation();
        let sending = Sending::dead_letter(by, description, &mut headers, &dead_letter, room);
        sending.inject_where_room(&mut headers, PER_HEADER, room);
        let (payload, properties) = (&delivery.data, properties.with_headers(headers));
        self.publish(sending, exchange, routing_key, options, payload, properties)
    }
}
