//! A producer's context as an application has it: it books every callback.

use integration_tests::spans::Spans;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{NoCustomPartitioner, Partitioner, ProducerContext};
use rdkafka::statistics::Statistics;
use rdkafka::{ClientContext, Message};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) type Opaque = Arc<&'static str>;

/// What a delivery callback was told, with the record's opaque.
pub(crate) struct Delivery {
    pub(crate) opaque: Opaque,
    pub(crate) answer: Result<(i32, i64), KafkaError>,
    /// How many spans had ended by then.
    pub(crate) ended: usize,
}

pub(crate) struct Book<Part = NoCustomPartitioner> {
    pub(crate) spans: Arc<Spans>,
    pub(crate) deliveries: Mutex<Vec<Delivery>>,
    pub(crate) statistics: AtomicUsize,
    pub(crate) errors: AtomicUsize,
    pub(crate) lines: AtomicUsize,
    pub(crate) partitioner: Option<Part>,
}

impl Book {
    pub(crate) fn new(spans: &Arc<Spans>) -> Self {
        Self::with(spans, None)
    }
}

impl<Part> Book<Part> {
    pub(crate) fn with(spans: &Arc<Spans>, partitioner: Option<Part>) -> Self {
        Self {
            spans: Arc::clone(spans),
            deliveries: Mutex::default(),
            statistics: AtomicUsize::new(0),
            errors: AtomicUsize::new(0),
            lines: AtomicUsize::new(0),
            partitioner,
        }
    }

    /// The deliveries so far, which it forgets.
    pub(crate) fn take(&self) -> Vec<Delivery> {
        std::mem::take(&mut *self.deliveries.lock().expect("no callback panics"))
    }
}

impl<Part: Send + Sync> ClientContext for Book<Part> {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {
        self.lines.fetch_add(1, Ordering::SeqCst);
    }

    fn stats(&self, _: Statistics) {
        self.statistics.fetch_add(1, Ordering::SeqCst);
    }

    fn error(&self, _: KafkaError, _: &str) {
        self.errors.fetch_add(1, Ordering::SeqCst);
    }
}

impl<Part: Partitioner + Send + Sync> ProducerContext<Part> for Book<Part> {
    type DeliveryOpaque = Opaque;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: Opaque) {
        let answer = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.clone()),
        };
        let ended = self.spans.all().len();
        let mut deliveries = self.deliveries.lock().expect("no callback panics");
        deliveries.push(Delivery {
            opaque,
            answer,
            ended,
        });
    }

    fn get_custom_partitioner(&self) -> Option<&Part> {
        self.partitioner.as_ref()
    }
}
