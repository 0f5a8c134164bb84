//! The mistakes in a program's set-up that the self-check finds.

use std::fmt;

/// A mistake in a program's set-up. [`self_check`](crate::self_check) and its siblings find it. `Display`
/// says what is wrong and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The instrumentation is [`disabled`](crate::Instrumentation::disabled): it does nothing.
    Disabled,
    /// The environment variable `OTEL_SDK_DISABLED` is `true`, which turns off the spans and metrics of messages.
    /// Contexts still propagate.
    SdkDisabled,
    /// No tracer provider is set, or the provider makes no spans. Messages get no spans, and contexts
    /// still propagate.
    NoTracer,
    /// No meter provider is set. There are no metrics of messages.
    NoMeter,
    /// The subscriber of `tracing` does not have a tracing-opentelemetry layer, or this crate cannot find
    /// it: it has another version, or is inside a `reload::Layer`. Only with the feature `tracing`.
    LayerNotFound,
    /// A filter of the subscriber or of the layer, or a level that `tracing` was compiled with,
    /// disables the spans of messages. Only with the feature `tracing`.
    SpansFiltered,
    /// The layer has no tracer. A message that continues a trace gets no span; a message that starts a
    /// trace gets one if a global tracer provider is set. Only with the feature `tracing`.
    LayerWithoutTracer,
    /// The application has set no global propagator, or one without fields. Messages carry W3C's
    /// fields all the same.
    NoGlobalPropagator,
    /// The propagator that the instrumentation was given has no fields: messages carry nothing.
    PropagatorWithoutFields,
    /// Keys of baggage that were given to
    /// [`with_baggage_on_metrics`](crate::instrumentation::Builder::with_baggage_on_metrics) are ignored: a secret
    /// may stand behind their names, or the attributes of messages have these names. A name is taken for a secret's
    /// if it has one of certain texts anywhere in it, as `author` has `auth`.
    #[non_exhaustive]
    IgnoredBaggageKeys {
        /// The keys, as they were given.
        keys: Vec<String>,
    },
    /// A message is to be sampled anew ([`IncomingPolicy::Resample`](crate::trust::IncomingPolicy::Resample)), and the
    /// tracer provider has no `Resampler` of the feature `sdk`. So
    /// [`RestartWithLink`](crate::trust::IncomingPolicy::RestartWithLink) applies.
    NoResampler,
    /// The environment variable `OTEL_MESSAGING_INCOMING` has an unknown value. So
    /// [`RestartWithLink`](crate::trust::IncomingPolicy::RestartWithLink) applies.
    #[non_exhaustive]
    UnknownPolicy {
        /// The text of the error, which lists the values.
        error: String,
    },
    /// Rules name destinations with the wildcards of a broker, which stand for themselves there. So the rules do
    /// not fit the destinations that were meant.
    #[non_exhaustive]
    BrokerWildcards {
        /// The destinations, as they were given.
        names: Vec<String>,
    },
    /// The propagator reads none of the formats in which a message has its context.
    #[non_exhaustive]
    UnreadContext {
        /// The names of the formats, such as "B3".
        formats: Vec<&'static str>,
        /// The fields that the propagator reads.
        fields: Vec<String>,
    },
}

impl Finding {
    /// What to do about it, in a sentence or two.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Disabled => "Use another instrumentation where messages are to be traced",
            Self::SdkDisabled => "Unset the variable, or set it to false, if spans are wanted",
            Self::NoTracer => {
                "Set one with `opentelemetry::global::set_tracer_provider`, for opentelemetry 0.33 \
                 (`cargo tree --duplicates` shows a second version). If you gave the instrumentation a \
                 provider, give it one that makes spans. With the feature `tracing`, a subscriber of \
                 `tracing` with a tracing-opentelemetry layer is enough"
            }
            Self::NoMeter => {
                "Set one with `opentelemetry::global::set_meter_provider`, for opentelemetry 0.33, or give \
                 one to the instrumentation, if metrics are wanted"
            }
            Self::LayerNotFound => {
                "Add one. If the subscriber has one, use tracing-opentelemetry 0.34 (`cargo tree \
                 --duplicates` shows a second version of opentelemetry), and do not put the layer inside \
                 a reload::Layer. If the layer does not activate contexts, the spans of a handler are \
                 until then in the trace of the span around its loop"
            }
            Self::SpansFiltered => {
                "Let the level INFO of the target `otel_messaging` pass, as with \
                 RUST_LOG=app=info,otel_messaging=info, and do not compile INFO out (`max_level_warn` \
                 and the like, features of `tracing`)"
            }
            Self::LayerWithoutTracer => {
                "Give it one of your tracer provider's: \
                 `tracing_opentelemetry::layer().with_tracer(provider.tracer(\"app\"))`"
            }
            Self::NoGlobalPropagator => {
                "Set one: `opentelemetry::global::set_text_map_propagator(propagation::w3c())`, with the \
                 `propagation` of this crate"
            }
            Self::PropagatorWithoutFields => {
                "Give another propagator, such as `propagation::w3c()` of this crate. Or give none: the \
                 instrumentation then uses the global one, or W3C's if none is set"
            }
            Self::IgnoredBaggageKeys { .. } => {
                "Copy keys with other names; the documentation of `BaggageAttributes` says which names are \
                 ignored. Or remove these from the list"
            }
            Self::NoResampler => {
                "Wrap the sampler of the tracer provider in `sdk::Resampler` (feature `sdk`), or choose another \
                 policy"
            }
            Self::UnknownPolicy { .. } => "Set the variable to one of these values, or unset it",
            Self::BrokerWildcards { .. } => {
                "Use `Messages::to_prefix`, or `Messages::to_pattern` with a variable in braces for each \
                 wildcard"
            }
            Self::UnreadContext { .. } => {
                "Give a propagator that also reads the sender's format: a TextMapCompositePropagator of \
                 yours and that one. Or let the sender write a format that yours reads"
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("the instrumentation is disabled: it does nothing")?,
            Self::SdkDisabled => {
                f.write_str("messages get no spans and no metrics: OTEL_SDK_DISABLED is true in the environment")?;
            }
            Self::NoTracer => f.write_str(
                "messages get no spans: no tracer provider is set, or the one that is set makes none",
            )?,
            Self::NoMeter => {
                f.write_str("messages are not counted: no meter provider is set")?;
            }
            Self::LayerNotFound => f.write_str(
                "messages get no span of `tracing`: its subscriber has no tracing-opentelemetry layer \
                 for opentelemetry 0.33",
            )?,
            Self::SpansFiltered => f.write_str(
                "messages get no span of `tracing`: a filter of its subscriber or of the \
                 tracing-opentelemetry layer, or a feature of `tracing`, disables them",
            )?,
            Self::LayerWithoutTracer => {
                f.write_str(
                    "messages that continue a trace get no spans: the tracing-opentelemetry layer has \
                     no tracer",
                )?;
            }
            Self::NoGlobalPropagator => f.write_str(
                "no global propagator is set: messages carry W3C's fields, but other instrumentations, \
                 such as HTTP clients, send no context",
            )?,
            Self::PropagatorWithoutFields => f.write_str(
                "messages carry no context: the propagator that was given has no fields",
            )?,
            Self::NoResampler => f.write_str(
                "messages are handled in traces of their own, with a link to the sender's span, and not sampled \
                 anew: the tracer provider has no Resampler",
            )?,
            Self::BrokerWildcards { names } => {
                write!(f, "wildcards of a broker stand for themselves in the names of rules: {names:?}")?;
            }
            Self::UnknownPolicy { error } => {
                write!(f, "messages are handled in traces of their own, with a link to the sender's span: {error}")?;
            }
            Self::IgnoredBaggageKeys { keys } => {
                write!(f, "baggage is not copied onto metrics, because its keys are ignored: {keys:?}")?;
            }
            Self::UnreadContext { formats, fields } => {
                let formats = formats.join(", ");
                write!(
                    f,
                    "the context of a message is not read: it is in the format {formats}, and the \
                     propagator reads "
                )?;
                if fields.is_empty() {
                    f.write_str("no fields")?;
                } else {
                    write!(f, "only the fields {}", fields.join(", "))?;
                }
            }
        }
        write!(f, ". {}", self.remedy())
    }
}
