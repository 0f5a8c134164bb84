//! The producer that injects.

use crate::delivery::{DeliveryFuture, Sent};
use crate::message::{SYSTEM, describe_record};
use crate::native;
use crate::size::AROUND;
use otel_messaging::{Description, Instrumentation, Sending, semconv};
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::ToBytes;
use rdkafka::producer::future_producer::{FutureProducerContext, OwnedDeliveryResult};
use rdkafka::producer::{FutureProducer, FutureRecord, Partitioner, Producer, PurgeConfig};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::util::{AsyncRuntime, Timeout};
use std::sync::OnceLock;

/// A [`FutureProducer`] whose records carry the context that is current at the call.
///
/// It has the producer's sending methods, with the same names and arguments, and implements
/// rdkafka's [`Producer`] trait (flush, purge, transactions). There is no `Deref`: it would let a
/// record pass uninjected without a word.
///
/// ```no_run
/// # use otel_messaging_rdkafka::InjectingProducer;
/// # use rdkafka::error::KafkaError;
/// # use rdkafka::producer::{FutureProducer, FutureRecord};
/// # use std::time::Duration;
/// # async fn send(producer: FutureProducer) -> Result<(), KafkaError> {
/// let producer = InjectingProducer::new(producer);
/// let record = FutureRecord::to("orders").key("7").payload("order 7");
/// producer
///     .send(record, Duration::from_secs(5))
///     .await
///     .map_err(|(error, _record)| error)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct InjectingProducer<P> {
    inner: P,
    instrumentation: Option<Instrumentation>,
    /// The producer's `message.max.bytes`, once it was asked for.
    max_bytes: OnceLock<usize>,
}

impl<P> InjectingProducer<P> {
    /// Wraps a producer; its records go out by [`Instrumentation::global`].
    ///
    /// Wrap the client's own value, which is cheap to clone, and not a reference to it.
    #[must_use]
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            instrumentation: None,
            max_bytes: OnceLock::new(),
        }
    }

    /// Sends by this instrumentation, in place of the global one.
    #[must_use]
    pub fn with_instrumentation(mut self, instrumentation: Instrumentation) -> Self {
        self.instrumentation = Some(instrumentation);
        self
    }

    /// The wrapped producer. What is sent on it directly carries no context.
    pub fn get_ref(&self) -> &P {
        &self.inner
    }

    /// Gives the wrapped producer back.
    pub fn into_inner(self) -> P {
        self.inner
    }

    /// Starts the record's span and writes its context into the record's headers.
    fn inject<K, V>(&self, record: &mut FutureRecord<'_, K, V>, max_bytes: usize) -> Sent
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        let mut description = Description::sent(SYSTEM, "send");
        let key = record.key.map(ToBytes::to_bytes);
        describe_record(&mut description, record.topic, record.partition, key);
        if record.payload.is_none() {
            description.set_attribute(semconv::MESSAGING_KAFKA_MESSAGE_TOMBSTONE, true);
        }
        let sending = Sending::start(self.instrumentation.as_ref(), description);
        let payload = record.payload.map_or(0, |payload| payload.to_bytes().len());
        let taken = AROUND + key.map_or(0, <[u8]>::len) + payload;
        let room = max_bytes.saturating_sub(taken);
        let partition_open = record.partition.is_none();
        Sent::inject(sending, &mut record.headers, room, partition_open)
    }
}

impl<C, R> InjectingProducer<FutureProducer<C, R>>
where
    C: ClientContext + 'static,
    R: AsyncRuntime,
{
    fn max_bytes(&self) -> usize {
        let ask = || native::message_max_bytes(self.inner.client()).unwrap_or(usize::MAX);
        *self.max_bytes.get_or_init(ask)
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
        let sent = self.inject(&mut record, self.max_bytes());
        async move {
            let delivery = self.inner.send(record, queue_timeout).await;
            sent.end(delivery)
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
        let sent = self.inject(&mut record, self.max_bytes());
        match self.inner.send_result(record) {
            Ok(delivery) => Ok(DeliveryFuture::new(delivery, sent)),
            Err((error, mut record)) => {
                sent.fail(&error, &mut record.headers);
                Err((error, record))
            }
        }
    }

    /// Polls the producer; see [`FutureProducer::poll`].
    pub fn poll<T: Into<Timeout>>(&self, timeout: T) {
        self.inner.poll(timeout);
    }
}

impl<C, R, Part> Producer<FutureProducerContext<C>, Part>
    for InjectingProducer<FutureProducer<C, R, Part>>
where
    C: ClientContext + 'static,
    R: AsyncRuntime,
    Part: Partitioner,
{
    fn client(&self) -> &Client<FutureProducerContext<C>> {
        self.inner.client()
    }

    fn in_flight_count(&self) -> i32 {
        self.inner.in_flight_count()
    }

    fn flush<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.flush(timeout)
    }

    fn purge(&self, flags: PurgeConfig) {
        self.inner.purge(flags);
    }

    fn init_transactions<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.init_transactions(timeout)
    }

    fn begin_transaction(&self) -> KafkaResult<()> {
        self.inner.begin_transaction()
    }

    fn send_offsets_to_transaction<T: Into<Timeout>>(
        &self,
        offsets: &TopicPartitionList,
        cgm: &ConsumerGroupMetadata,
        timeout: T,
    ) -> KafkaResult<()> {
        self.inner
            .send_offsets_to_transaction(offsets, cgm, timeout)
    }

    fn commit_transaction<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.commit_transaction(timeout)
    }

    fn abort_transaction<T: Into<Timeout>>(&self, timeout: T) -> KafkaResult<()> {
        self.inner.abort_transaction(timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process;
    use otel_messaging::Carrier;
    use rdkafka::consumer::{Consumer, StreamConsumer};
    use rdkafka::message::{Headers, OwnedHeaders};
    use rdkafka::mocking::MockCluster;
    use rdkafka::{ClientConfig, Message, Offset};
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
                let sent = producer.inject(&mut record, producer.max_bytes());
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
        let processing = process(&message);
        let record = FutureRecord::to("orders").key("7").payload("order");
        let record = record.headers(message.headers().expect("headers").clone());
        let sent = processing.run(async { producer.send(record, PATIENCE).await });
        sent.await.expect("delivered");

        let message = receive().await;
        let headers = message.headers().expect("headers").as_borrowed();
        let all: Vec<_> = (0..headers.count())
            .filter_map(|index| native::get(headers, index))
            .collect();
        let expected: [native::RawHeader<'_>; 2] = [
            (b"\xff\xfe", Some(b"1")),
            (b"traceparent", Some(traceparent)),
        ];
        assert_eq!(all, expected);
    }
}
