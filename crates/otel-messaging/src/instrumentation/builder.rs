//! Putting the settings of a program together.

use crate::instrumentation::settings::{Instrumentation, Settings};
use crate::propagation::configured::Configured;
use crate::telemetry::tracer::Telemetry;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Tracer, TracerProvider};
use std::fmt;
use std::time::Duration;

/// Makes an [`Instrumentation`] that differs from the default; [`Instrumentation::builder`] gives it.
#[derive(Clone, Default)]
#[must_use = "it changes nothing until an instrumentation is built"]
pub struct Builder {
    settings: Settings,
}

impl Builder {
    /// Takes spans from this provider, in place of the global one. With the feature `tracing` too:
    /// only an instrumentation without a provider of its own opens spans of `tracing`.
    pub fn with_tracer_provider<P>(mut self, provider: &P) -> Self
    where
        P: TracerProvider + Clone + Send + Sync + 'static,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        self.settings.telemetry = Telemetry::given(provider.clone());
        self
    }

    /// Injects and extracts with this propagator, in place of the global one or the W3C pair.
    /// Given [`propagation::w3c`](crate::propagation::w3c), the application's global one is not
    /// asked.
    pub fn with_propagator<P>(mut self, propagator: P) -> Self
    where
        P: TextMapPropagator + Send + Sync + 'static,
    {
        self.settings.propagation.propagator = Configured::given(propagator);
        self
    }

    /// Writes at most this many bytes of context, names and values, into one message; 9,216 by
    /// default, which leaves room for all that W3C Trace Context and W3C Baggage promise to carry.
    ///
    /// What is too much is left out and counted in [`dropped_fields`](crate::loss::dropped_fields):
    /// first each member of `baggage` that does not fit; then entries of `tracestate`, those of more
    /// than 128 characters before others and the last before the first; then fields of other
    /// propagators, as a whole. By this budget, a `traceparent` of 55 bytes is always written.
    pub fn with_injection_budget(mut self, bytes: usize) -> Self {
        self.settings.propagation.budget = bytes;
        self
    }

    /// Handles a message that was delivered more than this many times in a trace of its own, with
    /// a link to the sender's span, so that retries do not grow a trace that is long over. Off by
    /// default: every delivery is a child of the sender's span.
    ///
    /// 1 keeps the first delivery alone in the sender's trace. Baggage stays. The count is the broker's:
    /// RabbitMQ and JetStream give one (see the adapters). Kafka does not; its re-reads are known by
    /// their [age](Self::with_link_after_age).
    pub fn with_link_after_deliveries(mut self, deliveries: u64) -> Self {
        self.settings.redelivery.after_deliveries = Some(deliveries);
        self
    }

    /// Handles a message that was sent longer ago than this in a trace of its own, with a link to
    /// the sender's span, so that replays do not grow traces that are long over. Off by default.
    ///
    /// The age is by this machine's clock and the message's own timestamp, where it has one: with
    /// Kafka it always does, with JetStream the stream's, with RabbitMQ if the sender or the broker
    /// sets it. A sender can lie about it, and then chooses between child and link.
    pub fn with_link_after_age(mut self, age: Duration) -> Self {
        self.settings.redelivery.after_age = Some(age);
        self
    }

    /// The instrumentation.
    #[must_use]
    pub fn build(self) -> Instrumentation {
        self.settings.into()
    }
}

impl Instrumentation {
    /// Begins with the settings of [`Instrumentation::default`].
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Begins with these settings, for an instrumentation that differs in some. If this one is
    /// [`disabled`](Self::disabled), so is the one that is built.
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
