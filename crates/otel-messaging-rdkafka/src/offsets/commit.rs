//! One commit of what is stored.

use super::store::Store;
use crate::headers::Kafka;
use otel_messaging::adapter::{Describe, Destination};
use otel_messaging::consumer::{Consumer, Settle, SettleFuture};
use rdkafka::consumer::CommitMode;
use rdkafka::error::{KafkaError, KafkaResult};
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};

/// One commit of what is stored. The core gives it a span as it does a settlement.
pub(super) struct Commit {
    store: Arc<dyn Store>,
    topic: Option<String>,
}

impl Commit {
    pub(super) fn new(store: Arc<dyn Store>, topic: Option<String>) -> Self {
        Self { store, topic }
    }

    pub(super) fn run(self, consumer: &Consumer, mode: CommitMode) -> KafkaResult<()> {
        let mut committed = consumer.guard_of(self).settle(Some(mode));
        let mut cx = task::Context::from_waker(Waker::noop());
        match Pin::new(&mut committed).poll(&mut cx) {
            Poll::Ready(result) => result,
            // The client's call has returned by then.
            Poll::Pending => Ok(()),
        }
    }
}

impl Settle<Kafka> for Commit {
    /// `None` if the commit is left undone.
    type Settlement = Option<CommitMode>;
    type Error = KafkaError;

    fn handled() -> Option<CommitMode> {
        Some(CommitMode::Sync)
    }

    fn returned() -> Option<CommitMode> {
        None
    }

    fn operation(mode: &Option<CommitMode>) -> Option<&'static str> {
        mode.is_some().then_some("commit")
    }

    fn settle(&self, mode: &Option<CommitMode>) -> SettleFuture<KafkaError> {
        Box::pin(ready(mode.map_or(Ok(()), |mode| self.store.commit(mode))))
    }
}

impl Describe<Kafka> for Commit {
    type Client = Kafka;

    fn destination(&self) -> Destination<'_> {
        let topic = self.topic.as_deref();
        topic.map_or(Destination::unknown(), Destination::named)
    }
}
