//! The calls of a `FutureProducer`.

use crate::delivery_future::{self, DeliveryFuture};
use crate::injecting_producer::InjectingProducer;
use crate::limits::{self, Bare};
use crate::received::ReceivedRecord;
use crate::record::{OutgoingRecord, Record};
use crate::relay;
use crate::restorable_headers::GivenHeaders;
use otel_messaging::adapter::Relay;
use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedHeaders, ToBytes};
use rdkafka::producer::future_producer::OwnedDeliveryResult;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::{AsyncRuntime, Timeout};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// A record that was sent, to be sent once more without its context if the topic refuses its size.
struct Sent<'a, K: ToBytes + ?Sized, V: ToBytes + ?Sized> {
    record: FutureRecord<'a, K, V>,
    /// Its size, if it matters to know that the topic accepts it.
    noted: Option<usize>,
    timeout: Timeout,
    start: Instant,
}

/// The calls of a wrapped [`FutureProducer`].
impl<C, R> InjectingProducer<FutureProducer<C, R>>
where
    C: ClientContext + 'static,
    R: AsyncRuntime,
{
    /// Sends a record as [`FutureProducer::send`] does, with the current context in its headers.
    ///
    /// The context is the one that is current at the call. The span `send {topic}` ends with the
    /// broker's acknowledgement, and then has partition and offset. The wrapper replaces the
    /// propagator's own fields in the caller's headers; the others stay as they are.
    ///
    /// If the broker refuses the record for its size, it is sent once more without the context, with what is
    /// left of `queue_timeout`. It may then come after records that were sent later. Later records of at least
    /// that size go without the context at once, but now and then one tries it with its context. A producer
    /// that is idempotent, transactional or gapless neither sends again nor tries. See "Limits" in this
    /// crate's documentation.
    ///
    /// # Errors
    ///
    /// The producer's error, unchanged. It marks the span as failed. The message in the error has the
    /// headers that the caller gave.
    pub fn send<K, V, T>(
        &self,
        mut record: FutureRecord<'_, K, V>,
        queue_timeout: T,
    ) -> impl Future<Output = OwnedDeliveryResult>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
        T: Into<Timeout>,
    {
        let (mut outgoing, given) = self.inject(&mut record, self.injector.may_repeat);
        let timeout = queue_timeout.into();
        let headers = record.headers.take();
        async move {
            outgoing.hand_over();
            let start = Instant::now();
            let noted = self
                .injector
                .size_to_note(&described(&record), headers.as_ref());
            let first = FutureRecord {
                headers,
                ..without_headers(&record)
            };
            // Boxed: it seldom runs, and would double the future. In a statement of its own, so that the
            // future does not keep the answer beside it.
            let learning = match self.inner.send(first, timeout).await {
                Ok(delivery) if noted.is_none() => {
                    outgoing.succeed(delivery.partition, delivery.offset);
                    return Ok(delivery);
                }
                delivery => {
                    let sent = Sent {
                        record,
                        noted,
                        timeout,
                        start,
                    };
                    Box::pin(self.learn(sent, (outgoing, given), delivery))
                }
            };
            learning.await
        }
    }

    /// Sends a record as [`FutureProducer::send_result`] does, with the current context in its headers;
    /// see [`send`](Self::send). It is not sent again if the broker refuses it for its size, and never tries
    /// a refused size.
    ///
    /// # Errors
    ///
    /// The producer's error, unchanged. It marks the span as failed. The record in the error has the
    /// headers that the caller gave, so that the wrapper can inject anew when it is sent again.
    #[expect(clippy::result_large_err, reason = "rdkafka's own signature")]
    pub fn send_result<'a, K, V>(
        &self,
        mut record: FutureRecord<'a, K, V>,
    ) -> Result<DeliveryFuture, (KafkaError, FutureRecord<'a, K, V>)>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        let (mut outgoing, given) = self.inject(&mut record, false);
        outgoing.hand_over();
        let injector = &self.injector;
        let size = self.size_to_note(&record);
        let to_note = size.map(|size| (record.topic.into(), size));
        match self.inner.send_result(record) {
            Ok(delivery) => {
                let (outgoing, refused) = ((outgoing, given), Arc::clone(&injector.refused));
                Ok(DeliveryFuture::new(delivery, outgoing, refused, to_note))
            }
            Err((error, mut record)) => {
                outgoing.give_back(&error, given, &mut record.headers);
                Err((error, record))
            }
        }
    }

    /// Starts the record's span and writes its context into the record's headers.
    fn inject<K, V>(
        &self,
        record: &mut FutureRecord<'_, K, V>,
        is_repeatable: bool,
    ) -> (OutgoingRecord, GivenHeaders)
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        let described = described(record);
        self.injector
            .inject(described, &mut record.headers, is_repeatable)
    }

    /// Whether a record that came back with this error may go once more.
    fn may_repeat(&self, error: &KafkaError) -> bool {
        self.injector.may_repeat && limits::is_too_large(error)
    }

    /// Notes whether the topic accepts a size, and sends a record once more that was refused for it.
    async fn learn<K, V>(
        &self,
        sent: Sent<'_, K, V>,
        (outgoing, given): (OutgoingRecord, GivenHeaders),
        delivery: OwnedDeliveryResult,
    ) -> OwnedDeliveryResult
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        let mut again = sent.record;
        self.note(again.topic, sent.noted, &delivery);
        let (error, mut message) = match delivery {
            Err(refused) if self.may_repeat(&refused.0) => refused,
            delivery => return delivery_future::end((outgoing, given), delivery),
        };
        let size = limits::size_of(&message);
        let headers = given.restore(message.detach_headers());
        if described(&again).size(headers.as_ref()) >= size {
            outgoing.fail(&error);
            return Err((error, message.replace_headers(headers)));
        }
        let given;
        (again.headers, given) = outgoing.leave_out(headers);
        let left = limits::left_of(sent.timeout, sent.start);
        let delivery = self.send_and_learn(again, left).await;
        delivery_future::end((outgoing, given), delivery)
    }

    /// Sends a record, and notes whether the topic accepts its size.
    async fn send_and_learn<K, V>(
        &self,
        record: FutureRecord<'_, K, V>,
        timeout: Timeout,
    ) -> OwnedDeliveryResult
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        let (topic, noted) = (record.topic, self.size_to_note(&record));
        let delivery = self.inner.send(record, timeout).await;
        self.note(topic, noted, &delivery);
        delivery
    }

    fn size_to_note<K, V>(&self, record: &FutureRecord<'_, K, V>) -> Option<usize>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        self.injector
            .size_to_note(&described(record), record.headers.as_ref())
    }

    fn note(&self, topic: &str, size: Option<usize>, delivery: &OwnedDeliveryResult) {
        let sent = size.map(|size| (topic, size));
        limits::note_answer(&self.injector.refused, sent, delivery);
    }

    /// Starts a batch: the records that you send by the returned handle, or a clone of it, are sent
    /// together.
    ///
    /// Each record has a span `create {topic}`, a child of the context that is current at the call. Its
    /// context goes in the record. One span `send {topic}`, of kind CLIENT, stands for the sending of all.
    /// It is a child of the context that is current now, has a link to each create span, and ends when all
    /// records have their answers, or their futures were dropped, and the handle and its clones are dropped.
    /// "Batches" in this crate's documentation has the details.
    ///
    /// ```no_run
    /// # use futures_util::future::join_all;
    /// # use otel_messaging_rdkafka::InjectingProducer;
    /// # use rdkafka::producer::{FutureProducer, FutureRecord};
    /// # use std::time::Duration;
    /// # async fn send(producer: InjectingProducer<FutureProducer>, orders: &[String]) {
    /// let batch = producer.batch();
    /// let sends = orders.iter().map(|order| {
    ///     let record = FutureRecord::<str, _>::to("orders").payload(order);
    ///     batch.send(record, Duration::from_secs(5))
    /// });
    /// let answers = join_all(sends).await;
    /// drop(batch); // the span ends
    /// # drop(answers);
    /// # }
    /// ```
    #[must_use = "the records that it sends are the batch"]
    pub fn batch(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            injector: self.injector.batch(),
        }
    }

    /// Polls the producer; see [`FutureProducer::poll`].
    pub fn poll<T: Into<Timeout>>(&self, timeout: T) {
        self.inner.poll(timeout);
    }

    /// Sends a received message on to a topic with the context that it came with.
    ///
    /// Key, payload, timestamp and headers stay as they are. The span of this sending is linked to the
    /// message's sender. The sender's span is still the parent of the next handler's span.
    ///
    /// A message without a context, or with one that cannot be read, gets one as in [`send`](Self::send).
    /// A context in JSON quotes goes on without them, because readers in other languages do not remove
    /// them. `queue_timeout` means the same as in `send`. The topic's partitioner chooses the partition
    /// anew. A topic that does not accept old timestamps refuses an old message. The tables under
    /// "Sending on" in this crate's documentation have each part and header.
    ///
    /// # Errors
    ///
    /// The same as for [`send`](Self::send); the message in the error has the headers of the given one.
    pub fn forward<'a, M, T>(
        &'a self,
        message: &'a M,
        topic: &'a str,
        queue_timeout: T,
    ) -> impl Future<Output = OwnedDeliveryResult>
    where
        M: ReceivedRecord,
        T: Into<Timeout>,
    {
        let relayed = self.relay(Relay::Forward, message, topic);
        self.send_relayed(relayed, message, queue_timeout)
    }

    /// Sends a received message on to a topic with the context that is current at the call, in place of
    /// the one that it came with.
    ///
    /// The new span is linked to the span that the message came from. Key and payload stay. The timestamp
    /// is the time of sending; the header `received-timestamp` has the old one, in milliseconds since
    /// 1970. The tables under "Sending on" in this crate's documentation have each header.
    ///
    /// # Errors
    ///
    /// The same as for [`forward`](Self::forward).
    pub fn republish<'a, M, T>(
        &'a self,
        message: &'a M,
        topic: &'a str,
        queue_timeout: T,
    ) -> impl Future<Output = OwnedDeliveryResult>
    where
        M: ReceivedRecord,
        T: Into<Timeout>,
    {
        let relayed = self.relay(Relay::Republish, message, topic);
        self.send_relayed(relayed, message, queue_timeout)
    }

    /// Puts aside a message that could not be handled, in the given topic. It does what
    /// [`republish`](Self::republish) does, and writes the failure into headers and onto the span.
    ///
    /// The headers are [`DEAD_LETTER_ERROR`](crate::producer::DEAD_LETTER_ERROR),
    /// [`DEAD_LETTER_SOURCE`](crate::producer::DEAD_LETTER_SOURCE) (the message's topic),
    /// [`DEAD_LETTER_TRACEPARENT`](crate::producer::DEAD_LETTER_TRACEPARENT), `dead-letter-partition`,
    /// `dead-letter-offset` and `dead-letter-timestamp`. If a message is put aside again, it gets a new
    /// error and keeps the others. If they would make the record too large, they are left out. If the
    /// broker refuses the letter for its size, it goes once more without these headers, without the context
    /// and without renamed headers, as in [`send`](Self::send).
    ///
    /// Do not compact the topic: it would refuse a letter without a key, and keep only the newest
    /// of several letters with one key.
    ///
    /// # Errors
    ///
    /// The same as for [`forward`](Self::forward).
    pub fn dead_letter<'a, M, T>(
        &'a self,
        message: &'a M,
        error: &dyn fmt::Display,
        topic: &'a str,
        queue_timeout: T,
    ) -> impl Future<Output = OwnedDeliveryResult>
    where
        M: ReceivedRecord,
        T: Into<Timeout>,
    {
        let letter = relay::dead_letter(message, error);
        let relayed = self.relay(Relay::DeadLetter(&letter), message, topic);
        self.send_relayed(relayed, message, queue_timeout)
    }

    /// Starts the span of a message that is sent on, and makes the record with which it goes.
    fn relay<'a, M: ReceivedRecord>(
        &self,
        relay: Relay<'_>,
        message: &'a M,
        topic: &'a str,
    ) -> (OutgoingRecord, FutureRecord<'a, [u8], [u8]>, Option<Bare>) {
        let (outgoing, headers, bare) = self.injector.relay(relay, message, topic);
        let record = FutureRecord {
            topic,
            partition: None,
            payload: message.payload(),
            key: message.key(),
            timestamp: relay::timestamp(message, relay),
            headers,
        };
        (outgoing, record, bare)
    }

    async fn send_relayed<M, T>(
        &self,
        (mut outgoing, record, bare): (OutgoingRecord, FutureRecord<'_, [u8], [u8]>, Option<Bare>),
        message: &M,
        queue_timeout: T,
    ) -> OwnedDeliveryResult
    where
        M: ReceivedRecord,
        T: Into<Timeout>,
    {
        let (start, timeout) = (Instant::now(), queue_timeout.into());
        let mut again = FutureRecord {
            headers: None,
            ..record
        };
        outgoing.hand_over();
        let mut delivery = self.send_and_learn(record, timeout).await;
        if let (Err((error, _)), Some(bare)) = (&delivery, bare)
            && self.may_repeat(error)
        {
            again.headers = outgoing.bare(bare);
            let left = limits::left_of(timeout, start);
            delivery = self.send_and_learn(again, left).await;
        }
        match delivery {
            Ok(delivery) => {
                outgoing.succeed(delivery.partition, delivery.offset);
                Ok(delivery)
            }
            Err((error, returned)) => {
                outgoing.fail(&error);
                let carried = message.carried().map(BorrowedHeaders::detach);
                Err((error, returned.replace_headers(carried)))
            }
        }
    }
}

fn described<'a, K, V>(record: &FutureRecord<'a, K, V>) -> Record<'a>
where
    K: ToBytes + ?Sized,
    V: ToBytes + ?Sized,
{
    Record::new(record.topic, record.partition, record.key, record.payload)
}

/// The same record without its headers.
fn without_headers<'a, K, V>(record: &FutureRecord<'a, K, V>) -> FutureRecord<'a, K, V>
where
    K: ToBytes + ?Sized,
    V: ToBytes + ?Sized,
{
    FutureRecord {
        topic: record.topic,
        partition: record.partition,
        payload: record.payload,
        key: record.key,
        timestamp: record.timestamp,
        headers: None,
    }
}

#[cfg(test)]
mod tests;
