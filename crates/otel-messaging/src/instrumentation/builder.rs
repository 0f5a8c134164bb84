//! Putting the settings of a program together.

use crate::instrumentation::settings::{Instrumentation, Settings};
use crate::propagation::configured::Configured;
use crate::telemetry::tracer::Telemetry;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Tracer, TracerProvider};
use std::fmt;
use std::time::Duration;

/// Makes an [`Instrumentation`] with other settings than the default. [`Instrumentation::builder`]
/// returns it.
#[derive(Clone, Default)]
#[must_use = "it changes nothing until an instrumentation is built"]
pub struct Builder {
    settings: Settings,
}

impl Builder {
    /// Takes spans from this provider, and not from the global one. Such an instrumentation opens no
    /// spans of `tracing`, also with the feature `tracing`.
    pub fn with_tracer_provider<P>(mut self, provider: &P) -> Self
    where
        P: TracerProvider + Clone + Send + Sync + 'static,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        self.settings.telemetry = Telemetry::given(provider.clone());
        self
    }

    /// Writes and reads contexts with this propagator, and not with the global one or the W3C pair. With
    /// [`propagation::w3c`](crate::propagation::w3c), the instrumentation does not ask for the
    /// application's global propagator.
    pub fn with_propagator<P>(mut self, propagator: P) -> Self
    where
        P: TextMapPropagator + Send + Sync + 'static,
    {
        self.settings.propagation.propagator = Configured::given(propagator);
        self
    }

    /// Writes at most this many bytes of context (names and values) into one message. The default is
    /// 9,216, which is enough for everything that W3C Trace Context and W3C Baggage guarantee to carry.
    ///
    /// If the context is larger, these are left out, in this order, and counted in
    /// [`dropped_fields`](crate::loss::dropped_fields): members of `baggage` that do not fit; entries of
    /// `tracestate`, first those of more than 128 characters, in each case from the end; fields of other
    /// propagators, as a whole. A `traceparent` of 55 bytes is always written.
    pub fn with_injection_budget(mut self, bytes: usize) -> Self {
        self.settings.propagation.budget = bytes;
        self
    }

    /// Handles a message in a trace of its own, with a link to the sender's span, if it was delivered
    /// more often than this. So retries do not grow the sender's trace. Off by default: every delivery is
    /// a child of the sender's span.
    ///
    /// With 1, only the first delivery is in the sender's trace. Baggage stays. The broker counts:
    /// RabbitMQ and JetStream do (see the adapters). Kafka does not count; use [the
    /// age](Self::with_link_after_age) there.
    pub fn with_link_after_deliveries(mut self, deliveries: u64) -> Self {
        self.settings.redelivery.after_deliveries = Some(deliveries);
        self
    }

    /// Handles a message in a trace of its own, with a link to the sender's span, if it was sent longer
    /// ago than this. So replays do not grow old traces. Off by default.
    ///
    /// The age is the time between the message's timestamp and this machine's clock. On Kafka a message
    /// always has a timestamp. On JetStream it has the stream's, and on RabbitMQ it has one if the sender
    /// or the broker sets it. A sender can lie about it, and then chooses between child and link.
    pub fn with_link_after_age(mut self, age: Duration) -> Self {
        self.settings.redelivery.after_age = Some(age);
        self
    }

    /// Makes the instrumentation.
    #[must_use]
    pub fn build(self) -> Instrumentation {
        self.settings.into()
    }
}

impl Instrumentation {
    /// Starts with the settings of [`Instrumentation::default`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts with these settings. If this one is [`disabled`](Self::disabled), so is the one that is
    /// built.
    pub fn to_builder(&self) -> Builder {
        self.settings().clone().into()
    }
}

impl Default for Instrumentation {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl From<Settings> for Builder {
    fn from(settings: Settings) -> Self {
        Self { settings }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}
