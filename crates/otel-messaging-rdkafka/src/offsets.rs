//! The offsets of a consumer, stored when their messages are handled.

pub(crate) mod assignment;
mod commit;
mod mark;
pub(crate) mod partition;
pub(crate) mod store;

use crate::configuration::Configuration;
use crate::consumer_info::consumer_info;
use crate::headers::Kafka;
use crate::received::ReceivedRecord;
use crate::registered::Registered;
use crate::settle::Settler;
use assignment::{Assignment, HasAssignment};
use commit::Commit;
use otel_messaging::consumer::{
    Consumer, ConsumerInfo, Guard, InContext, MessageSpan, SettlingOne,
};
use otel_messaging::{Failure, Instrumentation, Received};
use rdkafka::Message;
use rdkafka::consumer::{self, CommitMode};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaConfRes;
use std::fmt;
use std::sync::Arc;
use store::{OfConsumer, Store};

/// Stores the offsets of a consumer's messages when the messages are handled: in order for each partition,
/// also with many handlers at once. A clone is cheap, and stores for the same consumer.
///
/// A message that was not handled holds back the offsets of its partition from it on. After a restart or a
/// rebalance, Kafka delivers it again, and all messages after it. So each message is handled at least once.
///
/// Let Kafka's client commit what is stored (`enable.auto.commit`, on by default), or call
/// [`commit`](Self::commit).
///
/// # The order of the calls
///
/// `Offsets` knows a message from the call of [`with_settlement`](Self::with_settlement),
/// [`register`](Self::register) or [`guard`](Self::guard) on. An offset that it does not know is a gap, such as
/// compaction leaves, and is passed with the messages behind it. So make the call for each message before you
/// poll the next one: in the task that polls, outside of an `async` block that is spawned. Let one task poll a
/// partition.
///
/// ```no_run
/// # use otel_messaging_rdkafka::{Offsets, SettlingContext};
/// # use rdkafka::Message;
/// # use rdkafka::consumer::StreamConsumer;
/// # use rdkafka::error::KafkaResult;
/// # use rdkafka::message::OwnedMessage;
/// # use std::str::Utf8Error;
/// # async fn handle(message: &OwnedMessage) -> Result<(), Utf8Error> {
/// #     str::from_utf8(message.payload().unwrap_or_default())?;
/// #     Ok(())
/// # }
/// # async fn consume(consumer: StreamConsumer<SettlingContext>, offsets: Offsets) -> KafkaResult<()> {
/// loop {
///     let message = offsets.register(consumer.recv().await?.detach());
///     let billing = offsets.consumer().clone();
///     tokio::spawn(async move {
///         match billing.with_settlement(&message, |message| handle(message)).await {
///             Ok(Ok(())) => {}
///             Ok(Err(error)) => eprintln!("not handled, and its offset not stored: {error}"),
///             Err(error) => eprintln!("its offset is not stored: {error}"),
///         }
///     });
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Offsets {
    store: Arc<dyn Store>,
    assignment: Arc<Assignment>,
    info: ConsumerInfo,
    consumer: Consumer,
}

impl Offsets {
    /// Makes the offsets of a consumer whose context has an [`Assignment`], such as a
    /// [`SettlingContext`](crate::SettlingContext). The spans of the messages have what [`consumer_info`] reads
    /// from the consumer's configuration.
    ///
    /// It keeps the consumer open, and so does each message that is not settled.
    ///
    /// # Errors
    ///
    /// `KafkaError::ClientConfig` if `enable.auto.offset.store` of the consumer is not `false`: librdkafka then
    /// stores the offset of a message when it is polled, before it is handled. The error names the property and
    /// its value.
    pub fn new<K, X>(consumer: Arc<K>) -> KafkaResult<Self>
    where
        K: consumer::Consumer<X> + Send + Sync + 'static,
        X: HasAssignment + 'static,
    {
        let configuration = Configuration::of(consumer.client());
        let stores = configuration.auto_offset_store().unwrap_or_default();
        if stores != "false" {
            return Err(KafkaError::ClientConfig(
                RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
                "offsets are stored before their messages are handled, set it to false:".to_owned(),
                "enable.auto.offset.store".to_owned(),
                stores,
            ));
        }
        let info = consumer_info(&*consumer);
        Ok(Self {
            assignment: Arc::new(consumer.context().assignment().shared()),
            store: Arc::new(OfConsumer::new(consumer)),
            consumer: Instrumentation::global().consumer(info.clone()),
            info,
        })
    }

    /// Uses this instrumentation instead of the global one.
    #[must_use]
    pub fn with_instrumentation(self, instrumentation: &Instrumentation) -> Self {
        let consumer = instrumentation.consumer(self.info.clone());
        self.with_consumer(consumer)
    }

    /// Uses this handle of the consumer instead of one of the global instrumentation, such as a handle that knows
    /// more than the configuration says:
    /// `instrumentation.consumer(consumer_info(&consumer).with_server("kafka.internal", 9092))`.
    #[must_use]
    pub fn with_consumer(mut self, consumer: Consumer) -> Self {
        self.consumer = consumer;
        self
    }

    /// The handle of the consumer, with its group and its server. Receive polls by it, if you want their spans:
    /// `offsets.consumer().receive(consumer.recv())`.
    #[must_use]
    pub fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// Handles `message` with its context current, and stores its offset if the handler returns `Ok`.
    ///
    /// | outcome | offset |
    /// | --- | --- |
    /// | `Ok` | stored, once those before it are |
    /// | `Err` | left: no offset from it on is stored; or as `or`, `or_else` and `on_error` say |
    /// | a panic; the future is dropped, as by `select!`, an abort, a shutdown | left |
    ///
    /// Handle a message that was left again, in the program or after `seek`, and its success stores. The message
    /// counts from the call on, not from the first poll: see [the order of the calls](Self#the-order-of-the-calls).
    ///
    /// ```no_run
    /// # use otel_messaging_rdkafka::{Offsets, SettlingContext};
    /// # use rdkafka::Message;
    /// # use rdkafka::consumer::StreamConsumer;
    /// # use rdkafka::error::KafkaResult;
    /// # use rdkafka::message::BorrowedMessage;
    /// # use std::str::Utf8Error;
    /// # async fn handle(message: &BorrowedMessage<'_>) -> Result<(), Utf8Error> {
    /// #     str::from_utf8(message.payload().unwrap_or_default())?;
    /// #     Ok(())
    /// # }
    /// # async fn consume(consumer: StreamConsumer<SettlingContext>, offsets: Offsets) -> KafkaResult<()> {
    /// loop {
    ///     let message = consumer.recv().await?;
    ///     if let Err(error) = offsets.with_settlement(&message, handle).await? {
    ///         eprintln!("not handled, it comes again after the restart: {error}");
    ///         return Ok(());
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The client's error, if the offset could not be stored, such as `KafkaError::StoreOffset` with
    /// `RDKafkaErrorCode::State` if the partition was revoked meanwhile. The message is then delivered again, to
    /// the consumer that has the partition. The handler's result is inside.
    pub fn with_settlement<'a, M, H, F, T, E>(
        &self,
        message: &'a M,
        handler: H,
    ) -> SettlingOne<InContext<F>, T, E, Kafka, Settler>
    where
        M: Received<Kafka> + ReceivedRecord,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        self.guard(message).with_settlement(message, handler)
    }

    /// Handles `message` and stores its offset, as [`with_settlement`](Self::with_settlement) does, and marks its
    /// span with the [`Failure`] that `failure_of` returns for the handler's error.
    ///
    /// # Errors
    ///
    /// As [`with_settlement`](Self::with_settlement).
    #[expect(clippy::type_complexity, reason = "an alias cannot name a closure")]
    pub fn with_settlement_with<'a, M, H, F, T, E, J>(
        &self,
        message: &'a M,
        handler: H,
        failure_of: J,
    ) -> SettlingOne<
        InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<'a, M, H, F, T, E, J>>,
        T,
        E,
        Kafka,
        Settler,
    >
    where
        M: Received<Kafka> + ReceivedRecord,
        H: FnOnce(&'a M) -> F,
        F: Future<Output = Result<T, E>>,
        J: FnOnce(&E) -> Option<Failure>,
    {
        let guard = self.guard(message);
        guard.with_settlement_with(message, handler, failure_of)
    }

    /// Takes note of a message that is to be handled, and makes one of it that can be settled anywhere: by
    /// [`Consumer::with_settlement`], and by the free functions [`with_settlement`](crate::with_settlement) and
    /// [`guard`](crate::guard()).
    ///
    /// If it is dropped before it is settled, its offset is left.
    #[must_use = "the message holds back the offsets of its partition until it is settled"]
    pub fn register<M: Received<Kafka> + ReceivedRecord>(&self, message: M) -> Registered<M> {
        Registered::new(self.settler(&message), message)
    }

    /// Makes the guard of a message, to settle it by hand: `guard.ack().await` stores its offset. The future is
    /// ready at once. Without an executor, call `futures_util::FutureExt::now_or_never`.
    #[must_use = "the message holds back the offsets of its partition until it is settled"]
    pub fn guard<M: Received<Kafka> + ReceivedRecord>(&self, message: &M) -> Guard<Kafka, Settler> {
        self.consumer.guard_of(self.settler(message))
    }

    fn settler(&self, message: &impl Message) -> Settler {
        let (number, offset) = (message.partition(), message.offset());
        let partition = self.assignment.register(message.topic(), number, offset);
        Settler::new(partition, offset, Arc::clone(&self.store))
    }

    /// Commits what is stored, of all partitions, with a span `commit`: rdkafka's `commit_consumer_state`. The
    /// span has the topic if the consumer has only one.
    ///
    /// With [`CommitMode::Sync`] it blocks until the broker has answered. With [`CommitMode::Async`] the span ends
    /// when the commit is queued, and the answer is in your context's `commit_callback`.
    ///
    /// # Errors
    ///
    /// The client's error. With `CommitMode::Sync` it is `KafkaError::ConsumerCommit` with
    /// `RDKafkaErrorCode::NoOffset` if nothing was stored since the last commit.
    pub fn commit(&self, mode: CommitMode) -> KafkaResult<()> {
        let topic = self.assignment.only_topic();
        Commit::new(Arc::clone(&self.store), topic, mode).run(&self.consumer)
    }
}

impl fmt::Debug for Offsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offsets")
            .field("consumer", &self.consumer)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
