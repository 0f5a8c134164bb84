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
    mode: CommitMode,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Committed,
    /// Nothing is sent.
    Left,
}

impl Commit {
    pub(super) fn new(store: Arc<dyn Store>, topic: Option<String>, mode: CommitMode) -> Self {
        Self { store, topic, mode }
    }

    pub(super) fn run(self, consumer: &Consumer) -> KafkaResult<()> {
        let mut committed = consumer.guard_of(self).ack();
        let mut cx = task::Context::from_waker(Waker::noop());
        match Pin::new(&mut committed).poll(&mut cx) {
            Poll::Ready(result) => result,
            // The client's call has returned by then.
            Poll::Pending => Ok(()),
        }
    }
}

impl Settle<Kafka> for Commit {
    type Settlement = Done;
    type Error = KafkaError;

    fn handled() -> Done {
        Done::Committed
    }

    fn returned() -> Done {
        Done::Left
    }

    fn operation(done: &Done) -> Option<&'static str> {
        (*done == Done::Committed).then_some("commit")
    }

    fn settle(&self, done: &Done) -> SettleFuture<KafkaError> {
        Box::pin(ready(match done {
            Done::Committed => self.store.commit(self.mode),
            Done::Left => Ok(()),
        }))
    }
}

impl Describe<Kafka> for Commit {
    type Client = Kafka;

    fn destination(&self) -> Destination<'_> {
        let topic = self.topic.as_deref();
        topic.map_or(Destination::unknown(), Destination::named)
    }
}
