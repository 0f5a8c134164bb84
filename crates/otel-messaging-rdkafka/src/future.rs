//! The calls of a `FutureProducer`.

use crate::delivery::{self, DeliveryFuture};
use crate::injection::{Outgoing, Sent};
use crate::onward::ReceivedRecord;
use crate::producer::InjectingProducer;
use crate::relay::{self, Way};
use crate::written::Given;
use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedHeaders, ToBytes};
use rdkafka::producer::future_producer::OwnedDeliveryResult;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::util::{AsyncRuntime, Timeout};
use std::fmt;

/// Of a [`FutureProducer`].
impl<C, R> InjectingProducer<FutureProducer<C, R>>
where
    C: ClientContext + 'static,
    R: AsyncRuntime,
{
    /// Starts the record's span and writes its context into the record's headers.
    fn inject<K, V>(&self, record: &mut FutureRecord<'_, K, V>) -> (Sent, Given)
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        let outgoing = Outgoing::new(record.topic, record.partition, record.key, record.payload);
        self.injection
            .send(self.inner.client(), outgoing, &mut record.headers)
    }

    /// Sends as [`FutureProducer::send`] does, with the context that is current at the call in the
    /// record's headers.
    ///
    /// The span `send {topic}` ends with the broker's acknowledgement and then has partition and
    /// offset. Headers of the caller stay as they are, but for the propagator's own fields, which
    /// are replaced.
    ///
    /// # Errors
    ///
    /// Those of the producer, unchanged; the span is then marked as failed. The message in the
    /// error has the headers that the caller gave.
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
        let sent = self.inject(&mut record);
        async move {
            let delivery = self.inner.send(record, queue_timeout).await;
            delivery::end(sent, delivery)
        }
    }

    /// Sends as [`FutureProducer::send_result`] does, with the context that is current in the
    /// record's headers; see [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// Those of the producer, unchanged; the span is then marked as failed. The record in the
    /// error has the headers that the caller gave, so sending it again injects anew.
    #[expect(clippy::result_large_err, reason = "rdkafka's own signature")]
    pub fn send_result<'a, K, V>(
        &self,
        mut record: FutureRecord<'a, K, V>,
    ) -> Result<DeliveryFuture, (KafkaError, FutureRecord<'a, K, V>)>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        let (sent, given) = self.inject(&mut record);
        match self.inner.send_result(record) {
            Ok(delivery) => Ok(DeliveryFuture::new(delivery, (sent, given))),
            Err((error, mut record)) => {
                sent.give_back(&error, given, &mut record.headers);
                Err((error, record))
            }
        }
    }

    /// Polls the producer; see [`FutureProducer::poll`].
    pub fn poll<T: Into<Timeout>>(&self, timeout: T) {
        self.inner.poll(timeout);
    }

    /// Sends a received message on to a topic as it is: key, payload, timestamp and headers, its
    /// context among them. The span of this sending is linked to the message's sender, which stays
    /// the parent of whoever handles the message.
    ///
    /// A message without a context, or with one that cannot be read, gets one as in
    /// [`send`](Self::send). A context in JSON quotes goes on without them, because readers in other
    /// languages do not take them off. `queue_timeout` is as there. The topic's partitioner chooses the
    /// partition anew. A topic that takes no old timestamps refuses an old message. The tables under
    /// "Sending on" in this crate's documentation say what becomes of each part and header.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send); the message in the error has the headers of the given one.
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
        self.send_on(message, topic, Way::Forward, queue_timeout)
    }

    /// Sends a received message on to a topic with the context that is current at the call in
    /// place of the one that it came with, to whose span the new one is linked. Key and payload
    /// stay. The timestamp is that of sending; the header `received-timestamp` has the old one, in
    /// milliseconds since 1970. The tables under "Sending on" in this crate's documentation say
    /// what becomes of each header.
    ///
    /// # Errors
    ///
    /// As of [`forward`](Self::forward).
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
        self.send_on(message, topic, Way::Republish, queue_timeout)
    }

    /// Puts a message that could not be handled aside, in the given topic: as
    /// [`republish`](Self::republish), with the failure in headers and on the span.
    ///
    /// The headers are [`DEAD_LETTER_ERROR`](crate::DEAD_LETTER_ERROR),
    /// [`DEAD_LETTER_SOURCE`](crate::DEAD_LETTER_SOURCE) (the message's topic),
    /// [`DEAD_LETTER_TRACEPARENT`](crate::DEAD_LETTER_TRACEPARENT), `dead-letter-partition`,
    /// `dead-letter-offset` and `dead-letter-timestamp`; but for the error, a message that is put
    /// aside once more keeps those of the first time. They are left out where they would make the
    /// record too large.
    ///
    /// Do not compact the topic: it would refuse a letter without a key, and keep only the newest
    /// of several letters with one key.
    ///
    /// # Errors
    ///
    /// As of [`forward`](Self::forward).
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
        self.send_on(message, topic, Way::DeadLetter(error), queue_timeout)
    }

    fn send_on<'a, M, T>(
        &'a self,
        message: &'a M,
        topic: &'a str,
        way: Way<'_>,
        queue_timeout: T,
    ) -> impl Future<Output = OwnedDeliveryResult>
    where
        M: ReceivedRecord,
        T: Into<Timeout>,
    {
        let (sent, headers) = self
            .injection
            .send_on(self.inner.client(), message, topic, way);
        let record = FutureRecord {
            topic,
            partition: None,
            payload: message.payload(),
            key: message.key(),
            timestamp: relay::timestamp(message, way),
            headers,
        };
        async move {
            match self.inner.send(record, queue_timeout).await {
                Ok(delivery) => {
                    sent.succeed(delivery.partition, delivery.offset);
                    Ok(delivery)
                }
                Err((error, returned)) => {
                    sent.fail(&error);
                    let carried = message.carried().map(BorrowedHeaders::detach);
                    Err((error, returned.replace_headers(carried)))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::raw;
    use crate::native;
    use crate::process;
    use crate::size::AROUND;
    use otel_messaging::Carrier;
    use rdkafka::consumer::{Consumer, StreamConsumer};
    use rdkafka::message::OwnedHeaders;
    use rdkafka::mocking::MockCluster;
    use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// What fits without a context is sent, with as much of it as there is room for.
    #[tokio::test]
    async fn a_context_never_makes_a_record_too_large() {
        let cluster = MockCluster::new(1).expect("an embedded cluster");
        cluster.create_topic("orders", 1, 1).expect("a topic");
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        config.set("message.max.bytes", "2000");
        let plain: FutureProducer = config.create().expect("a producer");
        let producer = InjectingProducer::new(plain.clone());
        let mut carried = OwnedHeaders::new();
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let baggage = format!("a=1,b={}", "2".repeat(200));
        for (name, value) in [("traceparent", traceparent), ("baggage", &baggage)] {
            assert!(native::add(
                &mut carried,
                (name.as_bytes(), Some(value.as_bytes()))
            ));
        }
        let context = crate::extract(&carried);
        for (spare, names) in [
            (600, &["traceparent", "baggage"][..]),
            (200, &["traceparent", "baggage"]),
            (68, &["traceparent"]),
            (67, &[]),
            (0, &[]),
        ] {
            // The name and the value of a traceparent have 66 bytes, and their lengths 2.
            let payload = "x".repeat(2000 - AROUND - 1 - spare);
            let record = || FutureRecord::to("orders").key("7").payload(&payload);
            plain.send(record(), PATIENCE).await.expect("it fits");
            let sent = {
                let _attached = context.clone().attach();
                let mut record = record();
                let sent = producer.inject(&mut record);
                let found = record.headers.iter().flat_map(Carrier::keys);
                assert_eq!(found.collect::<Vec<_>>(), names, "{spare}");
                drop(sent);
                producer.send(
                    self::FutureRecord {
                        headers: None,
                        ..record
                    },
                    PATIENCE,
                )
            };
            sent.await.expect("it fits with us too");
        }
        let large = "x".repeat(2000);
        let record = FutureRecord::<str, str>::to("orders").payload(&large);
        let refused = producer.send(record, PATIENCE).await;
        assert!(refused.is_err(), "as without us");
    }

    /// A header whose name is not UTF-8 comes over the wire and is sent on with the rest, in a
    /// detached message; rdkafka's own reading of it panics.
    #[tokio::test]
    async fn a_name_that_is_not_utf8_is_relayed() {
        let cluster = MockCluster::new(1).expect("an embedded cluster");
        cluster.create_topic("orders", 1, 1).expect("a topic");
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        let plain: FutureProducer = config.create().expect("a producer");
        let consumer: StreamConsumer = config.set("group.id", "g").create().expect("a consumer");
        let mut partitions = TopicPartitionList::new();
        let added = partitions.add_partition_offset("orders", 0, Offset::Beginning);
        added.expect("a partition");
        consumer.assign(&partitions).expect("the partition");

        let mut hostile = OwnedHeaders::new();
        let traceparent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(native::add(&mut hostile, (b"\xff\xfe", Some(b"1"))));
        assert!(native::add(
            &mut hostile,
            (b"traceparent", Some(traceparent))
        ));
        let record = FutureRecord::to("orders").key("7").payload("order");
        let sent = plain.send(record.headers(hostile), PATIENCE).await;
        sent.expect("delivered");

        let receive = async || {
            let received = tokio::time::timeout(PATIENCE, consumer.recv()).await;
            received.expect("in time").expect("a message").detach()
        };
        let message = receive().await;
        let producer = InjectingProducer::new(plain);
        let record = FutureRecord::to("orders").key("7").payload("order");
        let record = record.headers(message.headers().expect("headers").clone());
        let sent = process(&message).run(async {
            let error = "no such article";
            producer.send(record, PATIENCE).await?;
            producer.forward(&message, "orders", PATIENCE).await?;
            producer.republish(&message, "orders", PATIENCE).await?;
            producer
                .dead_letter(&message, &error, "orders", PATIENCE)
                .await
        });
        sent.await.expect("delivered");

        for _ in 0..4 {
            let message = receive().await;
            let headers = message.headers().expect("headers").as_borrowed();
            let all: Vec<_> = raw(headers)
                .filter(|(name, _)| {
                    !name.starts_with(b"dead-letter") && name != b"received-timestamp"
                })
                .collect();
            let expected: [native::RawHeader<'_>; 2] = [
                (b"\xff\xfe", Some(b"1")),
                (b"traceparent", Some(traceparent)),
            ];
            assert_eq!(all, expected);
        }
    }
}
