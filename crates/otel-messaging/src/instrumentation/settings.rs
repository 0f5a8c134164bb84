//! The settings of a program, put together.

use crate::carrier::headers::{Carrier, CarrierMut};
use crate::instrumentation::hook::SpanHook;
use crate::policy::baggage_attributes::BaggageAttributes;
use crate::policy::captured_headers::CapturedHeaders;
use crate::policy::destination::Destinations;
use crate::policy::redelivery::Redelivery;
use crate::policy::relation::Relation;
use crate::policy::trust::settings::Trust;
use crate::propagation::configured::Configured;
use crate::propagation::settings::Propagation;
use crate::telemetry::exceptions::Exceptions;
use crate::telemetry::meter::Metrics;
use crate::telemetry::tracer::Telemetry;
use opentelemetry::Context;
use std::fmt;
use std::sync::Arc;

/// The settings by which messages are sent and handled: the tracer that makes their spans, the meter that
/// counts and times them, and the propagator that reads and writes their headers. A clone is one reference
/// count.
///
/// `Instrumentation::default()` looks these up in OpenTelemetry's global settings. So the program may set
/// those before or after it makes the instrumentation. OpenTelemetry has a lock around each of them, so a thread looks
/// at them for each of its first 32 messages, and then once a second. What is set later, or replaced, counts a second
/// later at most:
///
/// - spans come from the global tracer provider. If a provider was shut down and replaced, the next message has its
///   span from the new one. Shut a provider down before you replace it, and before the program ends. Otherwise it gets
///   the spans of a second more, and the crate holds it until a later message, which may have to wait for its last
///   export. Without a later message, what it has not exported is lost;
/// - metrics go to the global meter provider. A provider whose type has no fields looks as if none was set, because
///   that is how OpenTelemetry's own default looks; give such a one to the builder;
/// - the propagator is the global one if the application set one, and otherwise W3C Trace Context and
///   Baggage. (OpenTelemetry's own default is to propagate nothing until one is set.) OpenTelemetry's lock is on the
///   way of each message if the global one is another than [`propagation::w3c`](crate::propagation::w3c). A global
///   propagator without fields, such as an empty composite, looks as if none was set. If you give the builder one
///   without fields, it propagates nothing.
///
/// [`builder`](Self::builder) makes others, and [`disabled`](Self::disabled) one that does nothing. The
/// environment variable `OTEL_SDK_DISABLED=true` turns off the spans of all of them, and contexts still
/// propagate (OpenTelemetry specification, "General SDK Configuration"). opentelemetry_sdk 0.33 does not
/// read the variable, so the program's own spans stay.
///
/// If a sampler, span processor or propagator panics, the message is still sent and handled; see
/// [`caught_panics`](crate::loss::caught_panics). OpenTelemetry holds a lock while it asks its global
/// propagator. If that propagator then sets another one, or publishes in its destructor, it waits for
/// ever. A propagator that you give to the builder has no such lock.
///
/// The free functions of this crate, and each `InjectingProducer` that was given no other, use
/// [`Instrumentation::global`].
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use otel_messaging::Instrumentation;
///
/// let provider = SdkTracerProvider::builder().build();
/// let billing = Instrumentation::builder().with_tracer_provider(&provider).build();
/// // producer.with_instrumentation(billing.clone()), billing.with_message_context(..)
/// ```
#[derive(Clone)]
pub struct Instrumentation {
    settings: Arc<Settings>,
}

/// The settings that a builder has put together.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) is_disabled: bool,
    pub(crate) telemetry: Telemetry,
    pub(crate) propagation: Propagation,
    pub(crate) redelivery: Redelivery,
    pub(crate) relation: Relation,
    pub(crate) metrics: Metrics,
    pub(crate) exceptions: Exceptions,
    pub(crate) destinations: Destinations,
    pub(crate) baggage_on_metrics: Option<BaggageAttributes>,
    pub(crate) captured_headers: CapturedHeaders,
    pub(crate) hook: SpanHook,
    /// `None` if all are believed and all is told.
    pub(crate) trust: Option<Arc<Trust>>,
    /// Whether spans have the sizes of messages.
    pub(crate) has_sizes: bool,
    /// Whether the messages of a batch have a span each.
    pub(crate) has_create_spans: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_disabled: false,
            telemetry: Telemetry::global(),
            propagation: Propagation::default(),
            redelivery: Redelivery::default(),
            relation: Relation::default(),
            metrics: Metrics::default(),
            exceptions: Exceptions::default(),
            destinations: Destinations::default(),
            baggage_on_metrics: None,
            captured_headers: CapturedHeaders::default(),
            hook: SpanHook::default(),
            trust: None,
            has_sizes: false,
            has_create_spans: true,
        }
    }
}

impl Instrumentation {
    /// Makes an instrumentation that does nothing, for one producer or one consumer. It starts no spans,
    /// and neither writes nor reads headers. It handles a message in the context that is current at the
    /// call. A message that is sent on still gets its renamed headers, and a dead letter still has its
    /// error and its source.
    ///
    /// ```
    /// use otel_messaging::Instrumentation;
    /// use std::collections::BTreeMap;
    ///
    /// let mut headers = BTreeMap::new();
    /// let off = Instrumentation::disabled();
    /// off.inject(&otel_messaging::current_context(), &mut headers);
    /// assert!(headers.is_empty());
    /// ```
    #[must_use]
    pub fn disabled() -> Self {
        let settings = Settings {
            is_disabled: true,
            ..Settings::default()
        };
        settings.into()
    }

    #[inline]
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many bytes of context, names and values, are written into one message at most; see
    /// [`with_injection_budget`](crate::instrumentation::Builder::with_injection_budget).
    #[must_use]
    pub fn injection_budget(&self) -> usize {
        self.settings.propagation.budget
    }

    /// Writes `context` into the headers of a message.
    ///
    /// It first removes the propagator's fields, in every spelling, and then writes each once. So a
    /// message that is sent on carries this context, and nothing of the context it came with. If
    /// telemetry is suppressed in `context`, the headers stay as they are.
    ///
    /// Fields that the protocol cannot represent, or that exceed the
    /// [budget](crate::instrumentation::Builder::with_injection_budget), are left out and counted in
    /// [`dropped_fields`](crate::loss::dropped_fields); they never make the message fail. If the
    /// propagator panics, the headers stay as they are, an older context included.
    #[inline]
    pub fn inject<C, H: CarrierMut<C> + ?Sized>(&self, context: &Context, headers: &mut H) {
        let propagation = &self.settings.propagation;
        propagation.inject_within(context, headers, usize::MAX);
    }

    /// Reads the context that a message carries.
    ///
    /// It starts from an empty context and not from the current one, so that a message without a context
    /// does not join the span around the consumer's loop. Values of the current context are not in the
    /// result, except the suppression of telemetry.
    ///
    /// Malformed headers read as absent. Contexts that contradict each other read as absent too;
    /// [`process`](Self::process) links to them. If the propagator panics, nothing is read.
    #[must_use]
    #[inline]
    pub fn extract<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Context {
        self.settings.propagation.extract(headers)
    }

    /// Calls `work` with the name of each of the propagator's fields.
    pub fn each_field(&self, mut work: impl FnMut(&str)) {
        let fields = self.settings.propagation.propagator.fields();
        fields.iter().for_each(|field| work(field));
    }
}

impl From<Settings> for Instrumentation {
    fn from(mut settings: Settings) -> Self {
        if settings.is_disabled {
            // So that nobody else has to ask whether it is.
            settings.propagation.propagator = Configured::Off;
        }
        settings.ask_environment();
        Self {
            settings: Arc::new(settings),
        }
    }
}

impl fmt::Debug for Instrumentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            is_disabled,
            telemetry,
            propagation,
            ..
        } = self.settings();
        let tracer = if telemetry.is_given() {
            "given"
        } else {
            "global"
        };
        f.debug_struct("Instrumentation")
            .field("is_disabled", is_disabled)
            .field("tracer", &tracer)
            .field("propagator", &propagation.propagator)
            .finish_non_exhaustive()
    }
}
