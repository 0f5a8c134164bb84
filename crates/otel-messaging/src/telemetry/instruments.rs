//! The instruments of one client, from one meter provider.

use crate::loss::boundary::Boundary;
use crate::loss::row::Step;
use crate::telemetry::semconv;
use opentelemetry::metrics::{Counter, Histogram, Meter};
use std::fmt;
use std::sync::Arc;

/// In seconds (conventions, "Messaging metrics").
const DURATIONS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// In seconds. A message may wait for days.
const QUEUE_TIMES: [f64; 14] = [
    0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 86400.0,
];

/// The instruments of one client. Each has its own list of attributes; see `labels.rs`.
pub(crate) struct Instruments {
    pub(crate) operation_duration: Histogram<f64>,
    pub(crate) sent: Counter<u64>,
    pub(crate) consumed: Counter<u64>,
    pub(crate) process_duration: Histogram<f64>,
    pub(crate) queue_time: Histogram<f64>,
    pub(crate) propagation: Counter<u64>,
    boundary: Arc<Boundary>,
}

impl Instruments {
    pub(crate) fn new(meter: &Meter, boundary: Arc<Boundary>) -> Self {
        let histogram = |name, description, boundaries: [f64; 14]| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(boundaries.into())
                .build()
        };
        let counter = |name, description| {
            let builder = meter.u64_counter(name).with_unit("{message}");
            builder.with_description(description).build()
        };
        Self {
            operation_duration: histogram(
                semconv::MESSAGING_CLIENT_OPERATION_DURATION,
                "Duration of messaging operation initiated by a producer or consumer client.",
                DURATIONS,
            ),
            sent: counter(
                semconv::MESSAGING_CLIENT_SENT_MESSAGES,
                "Number of messages producer attempted to send to the broker.",
            ),
            consumed: counter(
                semconv::MESSAGING_CLIENT_CONSUMED_MESSAGES,
                "Number of messages that were delivered to the application.",
            ),
            process_duration: histogram(
                semconv::MESSAGING_PROCESS_DURATION,
                "Duration of processing operation.",
                DURATIONS,
            ),
            queue_time: histogram(
                semconv::OTEL_MESSAGING_QUEUE_TIME,
                "Time from the sending of a message to the start of its processing.",
                QUEUE_TIMES,
            ),
            propagation: counter(
                semconv::OTEL_MESSAGING_PROPAGATION_MESSAGES,
                "Number of messages by what became of their context.",
            ),
            boundary,
        }
    }

    /// Records, behind the boundary to the provider's code.
    #[inline]
    pub(crate) fn record(&self, work: impl FnOnce(&Self)) {
        self.boundary.ask(Step::DESCRIBE, || work(self));
    }
}

impl fmt::Debug for Instruments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instruments").finish_non_exhaustive()
    }
}
