//! The settings of a program, put together.

use crate::carrier::headers::{Carrier, CarrierMut};
use crate::policy::redelivery::Redelivery;
use crate::propagation::settings::Propagation;
use crate::telemetry::tracer::Telemetry;
use opentelemetry::Context;
use std::fmt;
use std::sync::Arc;

/// How messages are sent and handled: the tracer that makes their spans, and the propagator that
/// reads and writes their headers. Cheap to clone: one reference count.
///
/// `Instrumentation::default()` takes both from the application's global settings, at every
/// message, so that it does not matter whether they are set before or after it is made:
/// - spans come from the global tracer provider;
/// - the propagator is the global one if the application set one, else W3C trace context and
///   baggage. OpenTelemetry's own default is to propagate nothing until one is set. (A global
///   propagator without fields, such as an empty composite, looks as if none was set. A given one
///   without fields propagates nothing.)
///
/// [`builder`](Self::builder) makes others, and [`disabled`](Self::disabled) one that does nothing. The
/// environment variable `OTEL_SDK_DISABLED=true` turns off the spans of all of them, and contexts still
/// propagate (OpenTelemetry specification, "General SDK Configuration"). opentelemetry_sdk 0.33 does not
/// read the variable, so the program's own spans stay.
///
/// If a sampler, span processor or propagator panics, the message is still sent and handled; see
/// [`caught_panics`](crate::loss::caught_panics). OpenTelemetry holds a lock while its global propagator
/// is asked: one that then sets another, or that publishes in its destructor, waits for ever. A given one
/// does not.
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

/// What a builder has put together.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) is_disabled: bool,
    pub(crate) telemetry: Telemetry,
    pub(crate) propagation: Propagation,
    pub(crate) redelivery: Redelivery,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_disabled: false,
            telemetry: Telemetry::global(),
            propagation: Propagation::default(),
            redelivery: Redelivery::default(),
        }
    }
}

impl Instrumentation {
    /// An instrumentation that does nothing, for a producer or a consumer that is not to be
    /// instrumented: it starts no spans, leaves headers as they are, reads none, and handles a message in
    /// the context that is current at the call.
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

    /// The most bytes of context, names and values, that are written into one message; see
    /// [`with_injection_budget`](crate::instrumentation::Builder::with_injection_budget).
    #[must_use]
    pub fn injection_budget(&self) -> usize {
        self.settings.propagation.budget
    }

    /// Writes `context` into the headers of a message.
    ///
    /// The propagator's fields are removed first, in every spelling, then each is written once:
    /// a message that is sent on carries this context and nothing of the one it came with. While
    /// telemetry is suppressed in `context`, the headers stay as they are.
    ///
    /// What the protocol cannot represent, or exceeds the
    /// [budget](crate::instrumentation::Builder::with_injection_budget), is left out and counted in
    /// [`dropped_fields`](crate::loss::dropped_fields); the message itself never fails. If the propagator
    /// panics, the headers stay as they are, an older context included.
    #[inline]
    pub fn inject<C, H: CarrierMut<C> + ?Sized>(&self, context: &Context, headers: &mut H) {
        if !self.settings.is_disabled {
            let propagation = &self.settings.propagation;
            propagation.inject_within(context, headers, usize::MAX);
        }
    }

    /// Reads the context that a message carries.
    ///
    /// It starts from an empty context, never from the current one, so that a message without
    /// context does not join whatever span surrounds the consumer's loop; the current context's
    /// own values are not in it. Only the suppression of telemetry is kept.
    ///
    /// Malformed headers read as absent. Contexts that contradict each other read as absent too;
    /// [`process`](Self::process) links to them. If the propagator panics, nothing is read.
    #[must_use]
    #[inline]
    pub fn extract<C, H: Carrier<C> + ?Sized>(&self, headers: &H) -> Context {
        if self.settings.is_disabled {
            return Context::new();
        }
        self.settings.propagation.extract(headers)
    }

    /// Calls `work` with each of the propagator's fields, as the propagator spells it.
    pub fn each_field(&self, mut work: impl FnMut(&str)) {
        let fields = self.settings.propagation.propagator.fields();
        fields.iter().for_each(|field| work(field));
    }
}

impl From<Settings> for Instrumentation {
    fn from(settings: Settings) -> Self {
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
