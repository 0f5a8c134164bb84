//! How a record gets its span and its context, whichever producer sends it.

use crate::headers::{Kafka, without_quotes};
use crate::message::{SYSTEM, describe_record};
use crate::native;
use crate::onward::ReceivedRecord;
use crate::relay::{self, Way};
use crate::size::{self, AROUND, PER_HEADER};
use crate::written::{Given, Written};
use otel_messaging::{CarrierMut, Description, Instrumentation, Sending, semconv};
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Headers, Message, OwnedHeaders, ToBytes};
use std::sync::OnceLock;

/// Of W3C trace context and baggage.
const FIELDS: usize = 3;

/// What the wrappers have beside the producer that they wrap.
#[derive(Debug, Clone, Default)]
pub(crate) struct Injection {
    pub(crate) by: Option<Instrumentation>,
    /// The producer's `message.max.bytes`, once it was asked for.
    max_bytes: OnceLock<usize>,
}

/// A record as its span describes it.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    topic: &'a str,
    partition: Option<i32>,
    key: Option<&'a [u8]>,
    payload: Option<&'a [u8]>,
}

impl<'a> Outgoing<'a> {
    pub(crate) fn new<K, V>(
        topic: &'a str,
        partition: Option<i32>,
        key: Option<&'a K>,
        payload: Option<&'a V>,
    ) -> Self
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        Self {
            topic,
            // Negative: librdkafka's word for any.
            partition: partition.filter(|partition| *partition >= 0),
            key: key.map(ToBytes::to_bytes),
            payload: payload.map(ToBytes::to_bytes),
        }
    }

    fn describe(&self) -> Description {
        let mut description = Description::sent(SYSTEM, "send");
        describe_record(&mut description, self.topic, self.partition, self.key);
        if self.payload.is_none() {
            description.set_attribute(semconv::MESSAGING_KAFKA_MESSAGE_TOMBSTONE, true);
        }
        description
    }
}

impl Injection {
    /// How many bytes the record's headers may have.
    fn room<C: ClientContext>(&self, client: &Client<C>, record: &Outgoing<'_>) -> usize {
        let ask = || native::message_max_bytes(client).unwrap_or(usize::MAX);
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let taken = AROUND + length(record.key) + length(record.payload);
        self.max_bytes.get_or_init(ask).saturating_sub(taken)
    }

    /// Starts the record's span and writes its context into the record's headers.
    pub(crate) fn send<C: ClientContext>(
        &self,
        client: &Client<C>,
        record: Outgoing<'_>,
        headers: &mut Option<OwnedHeaders>,
    ) -> (Sent, Given) {
        let sent = Sent {
            sending: Sending::start(self.by.as_ref(), record.describe()),
            partition_open: record.partition.is_none(),
        };
        let is_given = headers.is_some();
        let mut written = Written::new(or_new(headers.take()));
        let room = self.room(client, &record);
        sent.inject(&mut written, |written| {
            room.checked_sub(size::of_headers(written.headers()))
        });
        let (written, given) = written.into_parts();
        *headers = (is_given || written.count() > 0).then_some(written);
        (sent, if is_given { given } else { Given::Nothing })
    }

    /// The same for a message that is sent on; gives the headers that it goes with.
    pub(crate) fn send_on<C: ClientContext>(
        &self,
        client: &Client<C>,
        message: &impl ReceivedRecord,
        topic: &str,
        way: Way<'_>,
    ) -> (Sent, Option<OwnedHeaders>) {
        let record = Outgoing::new(topic, None, message.key(), message.payload());
        let carried = message.carried();
        let room = self.room(client, &record);
        let mut headers = relay::headers(message, way, room);
        let (by, description) = (self.by.as_ref(), record.describe());
        let sending = match way {
            Way::Forward => Sending::forward(by, description, carried),
            Way::Republish => Sending::republish(by, description, carried),
            Way::DeadLetter(error) => {
                let headers = headers.get_or_insert_default();
                let dead_letter = relay::dead_letter(message, error);
                Sending::dead_letter::<Kafka, _>(by, description, headers, &dead_letter, |all| {
                    room.checked_sub(size::of_headers(all))
                })
            }
        };
        let sent = Sent {
            sending,
            partition_open: true,
        };
        if sent.sending.is_forwarded() {
            headers = headers.map(without_quotes);
        }
        let mut headers = or_new(headers);
        sent.inject(&mut headers, |headers| {
            room.checked_sub(size::of_headers(headers))
        });
        (sent, (headers.count() > 0).then_some(headers))
    }
}

/// The span of a record that is on its way; dropped without an answer, its status stays unset.
pub(crate) struct Sent {
    sending: Sending,
    /// Whether only the broker's answer tells the partition.
    partition_open: bool,
}

impl Sent {
    fn inject<H>(&self, headers: &mut H, room: impl Fn(&H) -> Option<usize>)
    where
        H: CarrierMut<Kafka> + Clone,
    {
        self.sending.inject_where_room(headers, PER_HEADER, room);
    }

    /// Ends the span with what the broker's answer tells.
    pub(crate) fn succeed(self, partition: i32, offset: i64) {
        if self.partition_open {
            let key = semconv::MESSAGING_DESTINATION_PARTITION_ID;
            self.sending.set_attribute(key, partition.to_string());
        }
        // Without acknowledgements librdkafka knows no offset and says -1001.
        if offset >= 0 {
            let key = semconv::MESSAGING_KAFKA_OFFSET;
            self.sending.set_attribute(key, offset);
        }
    }

    /// Ends the span with what a delivery callback is told.
    pub(crate) fn answer(self, result: &DeliveryResult<'_>) {
        match result {
            Ok(message) => self.succeed(message.partition(), message.offset()),
            Err((error, _)) => self.fail(error),
        }
    }

    /// Ends the span as failed.
    pub(crate) fn fail(self, error: &KafkaError) {
        let error_type = error
            .rdkafka_error_code()
            .map_or("_OTHER", native::error_name);
        self.sending.fail(error_type, error);
    }

    /// Ends the span as failed, and gives back the headers that the caller gave.
    pub(crate) fn give_back(
        self,
        error: &KafkaError,
        given: Given,
        headers: &mut Option<OwnedHeaders>,
    ) {
        *headers = given.restore(headers.take());
        self.fail(error);
    }

    /// Ends the span of a record whose producer went away without an answer.
    pub(crate) fn cancel(self) {
        self.sending.fail("canceled", "the producer was dropped");
    }
}

fn or_new(headers: Option<OwnedHeaders>) -> OwnedHeaders {
    headers.unwrap_or_else(|| OwnedHeaders::new_with_capacity(FIELDS))
}
