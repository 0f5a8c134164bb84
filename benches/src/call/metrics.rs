//! The bound's metrics: instruments and sets of attributes that were made before.

use super::{Receives, Sends};
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};
use std::time::{Instant, SystemTime};

/// The metrics of a message that is handled.
pub struct Processing {
    consumed: Counter<u64>,
    duration: Histogram<f64>,
    queue_time: Histogram<f64>,
    propagation: Counter<u64>,
    labels: Vec<KeyValue>,
    /// With the outcome.
    extracted: Vec<KeyValue>,
}

/// The metrics of a message that is sent.
pub struct Sending {
    sent: Counter<u64>,
    duration: Histogram<f64>,
    labels: Vec<KeyValue>,
    /// With the operation's type.
    typed: Vec<KeyValue>,
}

impl Processing {
    pub fn new<M: Receives>() -> Self {
        let labels = M::process_labels();
        Self {
            consumed: counter("messaging.client.consumed.messages"),
            duration: seconds("messaging.process.duration"),
            queue_time: seconds("otel_messaging.queue_time"),
            propagation: counter("otel_messaging.propagation.messages"),
            extracted: with(&labels, "otel_messaging.propagation.outcome", "extracted"),
            labels,
        }
    }

    /// Does the work of a message, and measures it.
    #[inline]
    pub async fn measure<F: Future>(&self, sent_at: Option<SystemTime>, work: F) -> F::Output {
        let began = Instant::now();
        self.propagation.add(1, &self.extracted);
        self.consumed.add(1, &self.labels);
        if let Some(time) = sent_at.and_then(|at| at.elapsed().ok()) {
            self.queue_time.record(time.as_secs_f64(), &self.labels);
        }
        let done = work.await;
        let took = began.elapsed();
        self.duration.record(took.as_secs_f64(), &self.labels);
        done
    }
}

impl Sending {
    pub fn new<C: Sends>(sender: &C::Sender) -> Self {
        let labels = C::send_labels(sender);
        Self {
            sent: counter("messaging.client.sent.messages"),
            duration: seconds("messaging.client.operation.duration"),
            typed: with(&labels, "messaging.operation.type", "send"),
            labels,
        }
    }

    /// Sends a message, and measures it.
    #[inline]
    pub async fn measure<F: Future>(&self, work: F) -> F::Output {
        let began = Instant::now();
        let done = work.await;
        let took = began.elapsed();
        self.sent.add(1, &self.labels);
        self.duration.record(took.as_secs_f64(), &self.typed);
        done
    }
}

/// What all metrics of an operation have.
pub(super) fn labels(system: &'static str, operation: &'static str) -> Vec<KeyValue> {
    vec![
        KeyValue::new("messaging.system.name", system),
        KeyValue::new("messaging.operation.name", operation),
    ]
}

fn with(labels: &[KeyValue], key: &'static str, value: &'static str) -> Vec<KeyValue> {
    let mut labels = labels.to_vec();
    labels.push(KeyValue::new(key, value));
    labels
}

fn counter(name: &'static str) -> Counter<u64> {
    let meter = global::meter("by hand");
    meter.u64_counter(name).with_unit("{message}").build()
}

fn seconds(name: &'static str) -> Histogram<f64> {
    let meter = global::meter("by hand");
    meter.f64_histogram(name).with_unit("s").build()
}
