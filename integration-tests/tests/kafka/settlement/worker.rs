//! A consumer that handles many messages at once, each until it is handled.

use super::ledger::Ledger;
use super::shop::Reader;
use futures_util::FutureExt;
use integration_tests::client::in_time;
use otel_messaging_rdkafka::{Offsets, Registered};
use rdkafka::consumer::{ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedMessage;
use rdkafka::types::RDKafkaErrorCode;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

pub(super) struct Worker {
    pub(super) offsets: Offsets,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Worker {
    pub(super) fn start(reader: Reader, ledger: &Arc<Ledger>, at_once: usize) -> Self {
        Self::start_with(reader.consumer, reader.offsets, ledger, at_once)
    }

    pub(super) fn start_with<C: ConsumerContext + 'static>(
        consumer: Arc<StreamConsumer<C>>,
        offsets: Offsets,
        ledger: &Arc<Ledger>,
        at_once: usize,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(work(
            consumer,
            offsets.clone(),
            ledger.clone(),
            at_once,
            stopped,
        ));
        Self {
            offsets,
            stop,
            task,
        }
    }

    /// Polls no more, waits for the handlers, and closes the consumer.
    pub(super) async fn stop(self) {
        self.stop.send(true).expect("it listens");
        in_time("the last handlers", self.task)
            .await
            .expect("no panic");
        let offsets = self.offsets;
        // It waits for the broker.
        let closed = tokio::task::spawn_blocking(move || drop(offsets));
        in_time("a close", closed).await.expect("no panic");
    }
}

async fn work<C: ConsumerContext + 'static>(
    consumer: Arc<StreamConsumer<C>>,
    offsets: Offsets,
    ledger: Arc<Ledger>,
    at_once: usize,
    mut stopped: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(at_once));
    let mut handlers = JoinSet::new();
    loop {
        // Polls on while there is no room, so that rebalances go on.
        let message = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => break,
            message = consumer.recv() => message.expect("a message").detach(),
        };
        let message = offsets.register(message);
        let (room, ledger, offsets) = (room.clone(), ledger.clone(), offsets.clone());
        handlers.spawn(async move {
            let _place = room.acquire().await.expect("open");
            while !is_settled(&offsets, &message, &ledger).await {}
        });
        while let Some(handled) = handlers.try_join_next() {
            handled.expect("no panic");
        }
    }
    while let Some(handled) = handlers.join_next().await {
        handled.expect("no panic");
    }
    tokio::task::spawn_blocking(move || drop((consumer, offsets)))
        .await
        .expect("no panic");
}

/// Whether the message needs no other try here: it was handled, or another consumer has its partition.
async fn is_settled(
    offsets: &Offsets,
    message: &Registered<OwnedMessage>,
    ledger: &Ledger,
) -> bool {
    let handler = |message| async move { ledger.handle(message).await };
    let settled = (offsets.consumer()).with_settlement(message, |message| handler(message));
    let settled = AssertUnwindSafe(settled).catch_unwind();
    match tokio::time::timeout(Duration::from_millis(100), settled).await {
        Ok(Ok(Ok(Ok(())))) => true,
        Ok(Ok(Ok(Err(_)))) | Ok(Err(_)) | Err(_) => false,
        Ok(Ok(Err(error))) => {
            assert_eq!(error, KafkaError::StoreOffset(RDKafkaErrorCode::State));
            true
        }
    }
}
