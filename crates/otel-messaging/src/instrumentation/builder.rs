//! Putting the settings of a program together.

use crate::instrumentation::hook::{SpanDetails, SpanHook};
use crate::instrumentation::settings::{Instrumentation, Settings};
use crate::message::attributes::Attributes;
use crate::policy::baggage_attributes::BaggageAttributes;
use crate::policy::captured_headers::CapturedHeaders;
use crate::policy::destination::MetricDestinations;
use crate::policy::relation::Relation;
use crate::propagation::configured::Configured;
#[cfg(feature = "logs")]
use crate::telemetry::exceptions::Exceptions;
use crate::telemetry::meter::Metrics;
use crate::telemetry::tracer::Telemetry;
#[cfg(feature = "logs")]
use opentelemetry::logs::LoggerProvider;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Tracer, TracerProvider};
use std::fmt;
use std::time::Duration;

/// Makes an [`Instrumentation`] with other settings than the default. [`Instrumentation::builder`]
/// returns it.
#[derive(Clone, Default)]
#[must_use = "it changes nothing until an instrumentation is built"]
pub struct Builder {
    pub(super) settings: Settings,
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

    /// Records metrics with this provider, and not with the global one.
    pub fn with_meter_provider<P>(mut self, provider: &P) -> Self
    where
        P: MeterProvider + Clone + Send + Sync + 'static,
    {
        self.settings.metrics = Metrics::given(provider.clone());
        self
    }

    /// Logs failures as events, with this provider: `messaging.process.exception` with the severity ERROR,
    /// and `messaging.send.exception`, `messaging.receive.exception` and `messaging.settle.exception` with
    /// the severity WARN (conventions, "Messaging exceptions"). Off by default. OpenTelemetry for Rust has no
    /// global logger provider, so the program has to give one.
    ///
    /// Each failure that marks a span has one event, with the ids of that span, also if the span is not
    /// sampled. `exception.type` is the span's `error.type`, and `exception.message` is the text of its
    /// status: **the error's text is exported**, cut to 1,024 bytes and without control characters. In a
    /// batch each message that fails has its own event, in the context of the message. There is no event if
    /// telemetry is suppressed, or if `OTEL_SDK_DISABLED` is `true`.
    ///
    /// With this setting each operation makes one or two allocations more, also if it does not fail: the
    /// event needs the names of the operation and of the destination, which nobody has at the time of the
    /// failure.
    ///
    /// If the provider panics, the message goes on, and [`caught_panics`](crate::loss::caught_panics) counts
    /// the panic. If it is slow, each message that fails waits for it. Use a `BatchLogProcessor`.
    /// If a log processor of yours publishes messages, suppress telemetry there
    /// (`Context::enter_telemetry_suppressed_scope`). Otherwise each of them that fails later is one more event.
    ///
    /// With opentelemetry-appender-tracing, give its layer and this method the same provider. A handler that
    /// logs its error itself then has two records of it.
    ///
    /// ```
    /// use opentelemetry_sdk::logs::SdkLoggerProvider;
    /// use otel_messaging::Instrumentation;
    ///
    /// let provider = SdkLoggerProvider::builder().build();
    /// let instrumentation = Instrumentation::builder().with_exception_events(&provider).build();
    /// # let _ = instrumentation;
    /// ```
    #[cfg(feature = "logs")]
    pub fn with_exception_events<P>(mut self, provider: &P) -> Self
    where
        P: LoggerProvider + Clone + Send + Sync + 'static,
        P::Logger: Send + Sync + 'static,
    {
        self.settings.exceptions = Exceptions::given(provider.clone());
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
    /// more often than this. So a poison message, which fails each time and comes back each time, does not
    /// grow the sender's trace without end. The default is 10: the eleventh delivery starts a trace.
    ///
    /// With 1, only the first delivery is in the sender's trace; with `u64::MAX` every delivery is.
    /// Baggage stays. The broker's count is what counts, on JetStream and on most queues of RabbitMQ. A
    /// classic queue says only that it delivers again, so this process counts how often it does. It knows
    /// the last 512 such messages at least, and starts anew when the process does. Kafka does not say that
    /// it delivers again; use [the age](Self::with_link_after_age) there.
    pub fn with_link_after_deliveries(mut self, deliveries: u64) -> Self {
        self.settings.redelivery.after_deliveries = deliveries;
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

    /// Sets how the span of a message's handling stands to the sender's span and to the current one. The
    /// default is [`Relation::ChildOfSender`]. For one call, use
    /// [`Consumer::with_relation`](crate::consumer::Consumer::with_relation).
    pub fn with_relation(mut self, relation: Relation) -> Self {
        self.settings.relation = relation;
        self
    }

    /// Adds a template for destinations, such as `orders.{id}.created`. Spans of these destinations have
    /// the template in their name and in `messaging.destination.template`, and metrics have it too.
    ///
    /// A variable in braces stands for one character or more, but not for `.`, `:` or `/`. All other text
    /// stands for itself. The destination is that of the spans, such as `{exchange}:{routing key}` on
    /// RabbitMQ, without the queue. The first template that fits counts.
    ///
    /// ```
    /// use otel_messaging::Instrumentation;
    ///
    /// let instrumentation = Instrumentation::builder()
    ///     .with_destination_template("orders.{id}.created")
    ///     .with_destination_template("shop:parcel.{id}")
    ///     .build();
    /// # let _ = instrumentation;
    /// ```
    pub fn with_destination_template(mut self, template: impl AsRef<str>) -> Self {
        self.settings.destinations.add(template.as_ref());
        self
    }

    /// Sets which destinations without a template are on metrics; by default none are. A temporary
    /// destination never is.
    ///
    /// ```
    /// use otel_messaging::Instrumentation;
    /// use otel_messaging::instrumentation::MetricDestinations;
    ///
    /// let few = MetricDestinations::Names(vec!["orders".to_owned(), "invoices".to_owned()]);
    /// let instrumentation = Instrumentation::builder().with_metric_destinations(few).build();
    /// # let _ = instrumentation;
    /// ```
    pub fn with_metric_destinations(mut self, destinations: MetricDestinations) -> Self {
        self.settings.destinations.set_on_metrics(destinations);
        self
    }

    /// Puts baggage onto the metrics of messages: the keys of `attributes`, each as an attribute of the same
    /// name. Off by default.
    ///
    /// The metrics of a handled message have the message's baggage. The metrics of a sent message and of a
    /// settlement have the baggage that is current at the call. The metrics of a batch have the attributes that
    /// are equal for all its messages. The metrics of a poll have no baggage. [`BaggageAttributes`] says how many
    /// time series there may be.
    ///
    /// The `BaggageProcessor` of the feature `sdk` copies baggage onto spans and logs, the application's too.
    ///
    /// ```
    /// use otel_messaging::Instrumentation;
    /// use otel_messaging::instrumentation::BaggageAttributes;
    ///
    /// let tenant = BaggageAttributes::new(["tenant"]);
    /// let instrumentation = Instrumentation::builder().with_baggage_on_metrics(tenant).build();
    /// # let _ = instrumentation;
    /// ```
    pub fn with_baggage_on_metrics(mut self, attributes: BaggageAttributes) -> Self {
        self.settings.baggage_on_metrics = Some(attributes);
        self
    }

    /// Puts the headers with these names onto spans, of messages that come in and that go out:
    /// `otel_messaging.header.{name}`, with the name in lower case, is a list of at most 8 values. A value
    /// of more than 1,024 bytes is left out, and so is one that looks like a credential: a token of a known issuer,
    /// a JSON Web Token, `Authorization`, a private key, a password in a URL or behind a name.
    ///
    /// Names behind which a secret may stand are ignored. They contain `auth`, `cookie`, `cred`, `jwt`,
    /// `passw`, `passphrase`, `secret`, `session`, `token`, or a key for an API (`api-key`, `access-key`).
    pub fn with_captured_headers<N: AsRef<str>>(
        mut self,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        self.settings.captured_headers = CapturedHeaders::new(names);
        self
    }

    /// Puts the sizes of messages onto spans: `messaging.message.body.size` and
    /// `messaging.message.envelope.size`, in bytes. Off by default, because the sizes of headers have to be
    /// added up.
    pub fn with_message_sizes(mut self) -> Self {
        self.settings.has_sizes = true;
        self
    }

    /// Sets whether each message of a batch has a span of its own, `create {destination}`. The default is
    /// `true`.
    ///
    /// With `false`, a batch has one span, of kind PRODUCER, and all its messages carry the context of that
    /// span (conventions, "Producer spans"). Handlers of all these messages are then its children.
    pub fn with_create_spans(mut self, has_create_spans: bool) -> Self {
        self.settings.has_create_spans = has_create_spans;
        self
    }

    /// Calls `hook` for each span that is recorded, to add attributes of the application's. It sees the
    /// message and the context, also of messages that are sent. If it panics, the span goes without its
    /// attributes, and [`caught_panics`](crate::loss::caught_panics) counts the panic. The
    /// `BaggageProcessor` of the feature `sdk` copies baggage onto all spans, the application's too.
    ///
    /// ```
    /// use otel_messaging::Instrumentation;
    ///
    /// let instrumentation = Instrumentation::builder()
    ///     .with_span_attributes(|span, attributes| {
    ///         if span.operation_type() == "process" {
    ///             attributes.set("shop.region", "eu-west");
    ///         }
    ///     })
    ///     .build();
    /// # let _ = instrumentation;
    /// ```
    pub fn with_span_attributes<F>(mut self, hook: F) -> Self
    where
        F: Fn(&SpanDetails<'_>, &mut Attributes) + Send + Sync + 'static,
    {
        self.settings.hook = SpanHook::new(hook);
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
