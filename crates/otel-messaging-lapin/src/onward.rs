//! Sending a received message on.

use crate::confirm::PublisherConfirm;
use crate::frame::{self, PER_HEADER};
use crate::headers::with_text;
use crate::message::destination;
use crate::producer::{InjectingProducer, describe, inject};
use lapin::message::Delivery;
use lapin::options::BasicPublishOptions;
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Result};
use otel_messaging::{DeadLetter, Sending};
use std::fmt::Display;

/// # Sending on
///
/// These take a received message, which a `BasicGetMessage` and a `BasicReturnMessage` are by
/// reference too, and publish its payload and its properties as they came. So with the message goes
/// what RabbitMQ acts on:
/// - the header `CC` routes it to those queues once more (`BCC` the broker has removed);
/// - `expiration` counts from anew;
/// - `user_id` has to be the user of this connection, or the broker closes the channel;
/// - `reply_to` and `correlation_id` let the next consumer answer the first sender; where `reply_to`
///   is a direct reply-to, only on the connection of the request;
/// - `x-death` goes on counting (from RabbitMQ 4.0 on, the broker starts anew), and
///   `x-delivery-count` stays until a quorum queue writes its own.
///
/// To change them, publish copies with [`basic_publish`](Self::basic_publish), which replaces the
/// context as `republish` does.
impl InjectingProducer<Channel> {
    /// Sends a message on with the context that it came with: for routers and bridges that are no
    /// step of their own. The span is of kind CLIENT and linked to the sender's.
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
        let properties = delivery.properties.clone();
        let description = describe(&exchange, &routing_key, &properties);
        let headers = properties.headers().as_ref();
        let sending = Sending::forward(self.instrumentation(), description, headers);
        let properties = if sending.is_forwarded() {
            with_text(properties)
        } else {
            inject(&sending, properties)
        };
        let payload = &delivery.data;
        self.publish(sending, exchange, routing_key, options, payload, properties)
    }

    /// Sends a message on with the context that is current at the call in place of the one that it
    /// came with: for retries and for steps that hand the same message to the next. The span is of
    /// kind PRODUCER and linked to the sender's; it ends as with
    /// [`basic_publish`](Self::basic_publish).
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
        let properties = delivery.properties.clone();
        let description = describe(&exchange, &routing_key, &properties);
        let headers = properties.headers().as_ref();
        let sending = Sending::republish(self.instrumentation(), description, headers);
        let properties = inject(&sending, properties);
        let payload = &delivery.data;
        self.publish(sending, exchange, routing_key, options, payload, properties)
    }

    /// Puts a message that could not be handled aside, as [`republish`](Self::republish) does, with
    /// what went wrong in its headers and on the span: `dead-letter-error` is the error's text,
    /// `dead-letter-source` the `{exchange}:{routing key}` that it came with, and
    /// `dead-letter-traceparent` its traceparent, so that the trace is found in which it failed.
    /// Of a message that is put aside once more, source and traceparent stay.
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
        let properties = delivery.properties.clone();
        let description = describe(&exchange, &routing_key, &properties);
        let source = destination(delivery.exchange.as_str(), delivery.routing_key.as_str());
        let dead_letter = DeadLetter::new(&source, error);
        let mut headers = properties.headers().clone().unwrap_or_default();
        let room = |headers: &FieldTable| frame::room(&properties, headers);
        let by = self.instrumentation();
        let sending = Sending::dead_letter(by, description, &mut headers, &dead_letter, room);
        sending.inject_where_room(&mut headers, PER_HEADER, room);
        let (payload, properties) = (&delivery.data, properties.with_headers(headers));
        self.publish(sending, exchange, routing_key, options, payload, properties)
    }
}
