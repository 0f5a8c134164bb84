//! Settling messages.

use crate::headers::Kafka;
use crate::offsets::partition::Partition;
use crate::offsets::store::Store;
use crate::span_attributes::set_offset;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo};
use otel_messaging::consumer::{Settle, SettleFuture};
use rdkafka::error::KafkaError;
use std::fmt;
use std::future::ready;
use std::sync::Arc;

/// How a message is settled, for [`Offsets::with_settlement`](crate::Offsets::with_settlement) and
/// [`Guard::settle`](crate::consumer::Guard::settle).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settlement {
    /// `store_offset`: the message was handled, put aside or skipped. Its offset is stored as soon as all
    /// messages of its partition before it are settled so.
    Store,
    /// The message is still to be handled. Nothing is sent. No offset from this message on is stored until
    /// the message is handled again and settled with [`Store`](Self::Store), or its partition is revoked.
    Leave,
}

/// Settles a message by the offset of its partition, also when the message itself is gone. It keeps the
/// consumer open.
#[derive(Clone)]
pub struct Settler {
    partition: Arc<Partition>,
    offset: i64,
    store: Arc<dyn Store>,
}

impl Settler {
    pub(crate) fn new(partition: Arc<Partition>, offset: i64, store: Arc<dyn Store>) -> Self {
        Self {
            partition,
            offset,
            store,
        }
    }
}

impl Settle<Kafka> for Settler {
    type Settlement = Settlement;
    type Error = KafkaError;

    fn handled() -> Settlement {
        Settlement::Store
    }

    fn returned() -> Settlement {
        Settlement::Leave
    }

    fn operation(settlement: &Settlement) -> Option<&'static str> {
        match settlement {
            Settlement::Store => Some("store_offset"),
            Settlement::Leave => None,
        }
    }

    fn settle(&self, settlement: &Settlement) -> SettleFuture<KafkaError> {
        match settlement {
            Settlement::Leave => Box::pin(ready(Ok(()))),
            Settlement::Store => {
                let (store, offset) = (Arc::clone(&self.store), self.offset);
                let partition = Arc::clone(&self.partition);
                Box::pin(async move { partition.finish(offset, &*store) })
            }
        }
    }
}

impl Describe<Kafka> for Settler {
    type Client = Kafka;

    fn destination(&self) -> Destination<'_> {
        Destination::named(&self.partition.topic)
    }

    fn message_info(&self) -> MessageInfo<'_> {
        let partition = u32::try_from(self.partition.number).ok();
        MessageInfo::new(self.destination()).with_partition(partition)
    }

    fn set_attributes(&self, _info: &MessageInfo<'_>, attributes: &mut Attributes) {
        set_offset(attributes, self.offset);
    }
}

impl fmt::Debug for Settler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settler")
            .field("partition", &self.partition)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}
