//! The context of a producer whose delivery callback ends spans.

use crate::record::OutgoingRecord;
use otel_messaging::adapter::RefusedSizes;
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{DefaultProducerContext, Partitioner, ProducerContext};
use rdkafka::statistics::Statistics;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A [`ProducerContext`] around yours, which ends the span of a record in the delivery callback.
///
/// Make a [`BaseProducer`](rdkafka::producer::BaseProducer) or a
/// [`ThreadedProducer`](rdkafka::producer::ThreadedProducer) with it, and wrap that in an
/// [`InjectingProducer`](crate::InjectingProducer).
///
/// It passes everything on to your context: its callbacks, its partitioner, and
/// [`delivery`](ProducerContext::delivery) with your own opaque, after the span has ended.
///
/// ```no_run
/// # use otel_messaging_rdkafka::{InjectingContext, InjectingProducer};
/// # use rdkafka::ClientConfig;
/// # use rdkafka::error::KafkaError;
/// # use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};
/// # fn send(config: &ClientConfig) -> Result<(), KafkaError> {
/// let context = InjectingContext::new(DefaultProducerContext);
/// let producer: ThreadedProducer<_> = config.create_with_context(context)?;
/// let producer = InjectingProducer::new(producer);
/// let record = BaseRecord::to("orders").key("7").payload("order 7");
/// producer.send(record).map_err(|(error, _record)| error)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct InjectingContext<C> {
    inner: C,
    /// What topics have refused.
    pub(crate) refused: Arc<RefusedSizes>,
}

/// The clone is for another producer, which may have other brokers with topics of the same names.
impl<C: Clone> Clone for InjectingContext<C> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone())
    }
}

impl<C> InjectingContext<C> {
    /// Wraps a context.
    #[must_use]
    pub fn new(inner: C) -> Self {
        Self {
            inner,
            refused: Arc::default(),
        }
    }

    /// The wrapped context. For a producer, call `producer.context().get_ref()`.
    pub fn get_ref(&self) -> &C {
        &self.inner
    }

    /// Gives the wrapped context back.
    pub fn into_inner(self) -> C {
        self.inner
    }
}

impl Default for InjectingContext<DefaultProducerContext> {
    fn default() -> Self {
        Self::new(DefaultProducerContext)
    }
}

/// A record in flight: your opaque, beside the record's span. Only this crate can make one, so a
/// producer with an [`InjectingContext`] cannot send a record past the wrapper.
pub struct InFlight<O> {
    pub(crate) opaque: O,
    pub(crate) outgoing: OutgoingRecord,
}

impl<O> fmt::Debug for InFlight<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").finish_non_exhaustive()
    }
}

impl<C: ClientContext> ClientContext for InjectingContext<C> {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = C::ENABLE_REFRESH_OAUTH_TOKEN;

    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.inner.log(level, fac, log_message);
    }

    fn stats(&self, statistics: Statistics) {
        self.inner.stats(statistics);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.inner.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.inner.error(error, reason);
    }

    fn generate_oauth_token(
        &self,
        oauthbearer_config: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn Error>> {
        self.inner.generate_oauth_token(oauthbearer_config)
    }
}

impl<C, Part> ProducerContext<Part> for InjectingContext<C>
where
    C: ProducerContext<Part>,
    Part: Partitioner,
{
    type DeliveryOpaque = Box<InFlight<C::DeliveryOpaque>>;

    fn delivery(&self, result: &DeliveryResult<'_>, in_flight: Self::DeliveryOpaque) {
        let InFlight { opaque, outgoing } = *in_flight;
        outgoing.answer(result, &self.refused);
        self.inner.delivery(result, opaque);
    }

    fn get_custom_partitioner(&self) -> Option<&Part> {
        self.inner.get_custom_partitioner()
    }
}
