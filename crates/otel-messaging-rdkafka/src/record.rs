//! A record on its way to the broker: what goes out, the room for its headers, and its span.

use crate::configuration::Configuration;
use crate::error_type::error_type;
use crate::headers::Kafka;
use crate::json_quotes::without_quotes;
use crate::limits::{self, Bare};
use crate::received::ReceivedRecord;
use crate::relay;
use crate::restorable_headers::{GivenHeaders, RestorableHeaders};
use crate::span_attributes::{set_content, set_offset};
use crate::wire_size::{self, AROUND};
use otel_messaging::adapter::{
    Attributes, Describe, Destination, MessageInfo, Outcome, Outgoing, RefusedSizes, Relay, Sender,
};
use otel_messaging::producer::ProducerInfo;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedHeaders, DeliveryResult, Headers, Message, OwnedHeaders, ToBytes};
use std::sync::Arc;

/// The client's own word for what a producer does.
const SEND: &str = "send";

/// What goes out, without its headers.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    topic: &'a str,
    partition: Option<u32>,
    key: Option<&'a [u8]>,
    payload: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
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
            // A negative number leaves the choice to librdkafka.
            partition: partition.and_then(|partition| u32::try_from(partition).ok()),
            key: key.map(ToBytes::to_bytes),
            payload: payload.map(ToBytes::to_bytes),
        }
    }

    /// What it takes with these headers, in bytes.
    pub(crate) fn size(&self, headers: Option<&OwnedHeaders>) -> usize {
        limits::size(
            self.key,
            self.payload,
            headers.map(OwnedHeaders::as_borrowed),
        )
    }

    /// What a record of at most `max_bytes` has left for its headers.
    fn room(&self, max_bytes: usize) -> usize {
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        max_bytes.saturating_sub(AROUND + length(self.key) + length(self.payload))
    }
}

/// What goes out, as its span describes it.
pub(crate) struct Described<'a> {
    pub(crate) record: Record<'a>,
    /// The headers that it has without its context.
    pub(crate) headers: Option<&'a BorrowedHeaders>,
    pub(crate) info: &'a ProducerInfo,
}

impl Describe<Kafka> for Described<'_> {
    type Client = Kafka;

    fn destination(&self) -> Destination<'_> {
        Destination::named(self.record.topic)
    }

    fn message_info(&self) -> MessageInfo<'_> {
        MessageInfo::new(self.destination()).with_partition(self.record.partition)
    }

    fn producer_info(&self) -> Option<&ProducerInfo> {
        Some(self.info)
    }

    fn body_size(&self) -> Option<usize> {
        Some(self.record.payload.map_or(0, <[u8]>::len))
    }

    fn envelope_size(&self) -> Option<usize> {
        wire_size::envelope(self.record.key, self.record.payload, self.headers)
    }

    fn set_attributes(&self, _info: &MessageInfo<'_>, attributes: &mut Attributes) {
        set_content(attributes, self.record.key, self.record.payload);
    }
}

/// What the wrappers have beside the producer that they wrap: it gives records their spans and their
/// contexts.
#[derive(Debug, Clone)]
pub struct Injector {
    pub(crate) sender: Sender,
    /// The producer's `message.max.bytes`.
    max_bytes: Option<usize>,
    /// Whether a record that was refused for its size may be sent once more.
    pub(crate) may_repeat: bool,
    /// What topics have refused. The clones of a producer share it.
    pub(crate) refused: Arc<RefusedSizes>,
    info: ProducerInfo,
}

impl Injector {
    /// Reads the producer's configuration.
    pub(crate) fn of<C: ClientContext>(client: &Client<C>) -> Self {
        let configuration = Configuration::of(client);
        Self {
            sender: Sender::default(),
            max_bytes: configuration.message_max_bytes(),
            may_repeat: false,
            refused: Arc::default(),
            info: configuration.producer_info(),
        }
    }

    /// The same for a batch; see [`Sender::batch`].
    pub(crate) fn batch(&self) -> Self {
        Self {
            sender: self.sender.batch::<Kafka>(SEND, &self.info),
            max_bytes: self.max_bytes,
            may_repeat: self.may_repeat,
            refused: Arc::clone(&self.refused),
            info: self.info.clone(),
        }
    }

    /// Records of this producer may be repeated, unless its configuration asks for an order.
    pub(crate) fn repeating<C: ClientContext>(mut self, client: &Client<C>) -> Self {
        self.may_repeat = !Configuration::of(client).is_strict();
        self
    }

    /// The delivery callback of the producer's context notes here what topics refuse.
    pub(crate) fn learning_in(mut self, refused: &Arc<RefusedSizes>) -> Self {
        self.refused = Arc::clone(refused);
        self
    }

    fn room(&self, record: &Record<'_>) -> Option<usize> {
        self.max_bytes.map(|max_bytes| record.room(max_bytes))
    }

    /// Whether the record goes without its context, because the topic has refused one of this size. Now
    /// and then this lets a record go that is sent once more if the topic refuses it.
    fn refuses(
        &self,
        record: &Record<'_>,
        headers: Option<&OwnedHeaders>,
        is_repeatable: bool,
    ) -> bool {
        if self.refused.is_empty() {
            return false;
        }
        let (topic, size) = (record.topic, record.size(headers));
        if is_repeatable {
            self.refused.refuses_repeatable(topic, size)
        } else {
            self.refused.refuses(topic, size)
        }
    }

    /// How large a record is, if it matters to know that the topic accepts it.
    pub(crate) fn size_to_note(
        &self,
        record: &Record<'_>,
        headers: Option<&OwnedHeaders>,
    ) -> Option<usize> {
        (!self.refused.is_empty()).then(|| record.size(headers))
    }

    /// Starts the record's span and writes its context into the record's headers. `is_repeatable` says that
    /// the caller sends it once more, without its context, if it is refused for its size.
    pub(crate) fn inject(
        &self,
        record: Record<'_>,
        headers: &mut Option<OwnedHeaders>,
        is_repeatable: bool,
    ) -> (OutgoingRecord, GivenHeaders) {
        let described = Described {
            record,
            headers: headers.as_ref().map(OwnedHeaders::as_borrowed),
            info: &self.info,
        };
        let outgoing = self.sender.outgoing(SEND, &described);
        let mut restorable = RestorableHeaders::new(headers.take());
        outgoing.inject(&mut restorable, self.room(&record));
        let mut given;
        (*headers, given) = restorable.into_parts();
        if self.refuses(&record, headers.as_ref(), is_repeatable) {
            (*headers, given) = limits::leave_out(&outgoing, given.restore(headers.take()));
        }
        let is_partition_open = record.partition.is_none();
        (OutgoingRecord::new(outgoing, is_partition_open), given)
    }

    /// The same for a message that is sent on. Returns the headers that it goes with, and those with which
    /// it may go if they make the record too large.
    pub(crate) fn relay(
        &self,
        relay: Relay<'_>,
        message: &impl ReceivedRecord,
        topic: &str,
    ) -> (OutgoingRecord, Option<OwnedHeaders>, Option<Bare>) {
        let record = Record::new(topic, None, message.key(), message.payload());
        let room = self.room(&record);
        let mut headers = relay::headers(message, relay, room).unwrap_or_default();
        let by = &self.sender;
        let described = Described {
            record,
            headers: message.carried(),
            info: &self.info,
        };
        let source = Destination::named(message.topic());
        let outgoing = by.relay(relay, source, SEND, &described, &mut headers, room);
        if outgoing.keeps_context() {
            headers = without_quotes(headers);
        }
        outgoing.inject(&mut headers, room);
        let mut headers = (headers.count() > 0).then_some(headers);
        let mut bare = None;
        let refuses = self.refuses(&record, headers.as_ref(), self.may_repeat);
        if (self.may_repeat || refuses) && record.size(headers.as_ref()) > limits::size_of(message)
        {
            bare = Some(Bare::relayed(relay, message, outgoing.keeps_context()));
        }
        if refuses && let Some(bare) = bare.take() {
            headers = bare.into_headers(&outgoing);
        }
        (OutgoingRecord::new(outgoing, true), headers, bare)
    }
}

/// The span of a record that is on its way. If it is dropped without an answer, its status stays unset.
pub(crate) struct OutgoingRecord {
    outgoing: Outgoing,
    /// The caller named no partition, so the span gets it from the broker's answer.
    is_partition_open: bool,
}

impl OutgoingRecord {
    fn new(outgoing: Outgoing, is_partition_open: bool) -> Self {
        Self {
            outgoing,
            is_partition_open,
        }
    }

    /// Says that the producer is asked to send it now, so that it counts.
    pub(crate) fn hand_over(&mut self) {
        self.outgoing.hand_over();
    }

    /// Ends the span with the partition and the offset of the broker's answer. Without
    /// acknowledgements librdkafka does not know the offset.
    pub(crate) fn succeed(mut self, partition: i32, offset: i64) {
        if self.is_partition_open
            && let Ok(partition) = u32::try_from(partition)
        {
            self.outgoing.set_partition(partition);
        }
        self.outgoing.finish(Outcome::Accepted(&|attributes| {
            set_offset(attributes, offset);
        }));
    }

    /// Ends the span with what a delivery callback is told, and notes which sizes are refused.
    pub(crate) fn answer(self, result: &DeliveryResult<'_>, refused: &RefusedSizes) {
        match result {
            Ok(message) => {
                if !refused.is_empty() {
                    refused.note_success(message.topic(), limits::size_of(message));
                }
                self.succeed(message.partition(), message.offset());
            }
            Err((error, message)) => {
                limits::note_refusal(refused, error, message);
                self.fail(error);
            }
        }
    }

    /// The headers that a caller gave, without any context, for a record that goes once more.
    pub(crate) fn leave_out(
        &self,
        given: Option<OwnedHeaders>,
    ) -> (Option<OwnedHeaders>, GivenHeaders) {
        limits::leave_out(&self.outgoing, given)
    }

    /// The same for a message that is sent on.
    pub(crate) fn bare(&self, bare: Bare) -> Option<OwnedHeaders> {
        bare.into_headers(&self.outgoing)
    }

    /// Ends the span as failed.
    pub(crate) fn fail(self, error: &KafkaError) {
        self.outgoing
            .finish(Outcome::failed(error_type(error), error));
    }

    /// Ends the span as failed, and gives back the headers that the caller gave.
    pub(crate) fn give_back(
        self,
        error: &KafkaError,
        given: GivenHeaders,
        headers: &mut Option<OwnedHeaders>,
    ) {
        *headers = given.restore(headers.take());
        self.fail(error);
    }

    /// Ends the span of a record whose producer went away without an answer.
    pub(crate) fn cancel(self) {
        let message = &"the producer was dropped";
        self.outgoing.finish(Outcome::failed("canceled", message));
    }
}
