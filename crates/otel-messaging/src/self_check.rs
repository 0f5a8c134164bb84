//! A look at a program's set-up, for its start.

use crate::carrier::headers::Carrier;
use crate::instrumentation::settings::Instrumentation;
use crate::loss::finding::Finding;
use crate::message::received::Client;
use crate::operation::{probe, traced_span};
use crate::policy::baggage_attributes::BaggageAttributes;
use crate::propagation::configured::Configured;
use crate::telemetry::action::Operation;
use crate::telemetry::globals;
use std::time::SystemTime;

/// Looks for mistakes in the set-up of the global [`Instrumentation`]; see
/// [`Instrumentation::self_check`].
///
/// ```
/// // Once telemetry is set up:
/// for finding in otel_messaging::self_check() {
///     eprintln!("{finding}");
/// }
/// ```
#[must_use]
pub fn self_check() -> Vec<Finding> {
    Instrumentation::global().self_check()
}

impl Instrumentation {
    /// Looks for mistakes in the set-up. Call it when the program starts, after it has set its tracer
    /// provider, propagator and subscriber of `tracing`. (A log line reports some mistakes too, but a
    /// filter that disables the spans may disable that line.)
    ///
    /// | finding | remedy |
    /// | --- | --- |
    /// | [`Disabled`](Finding::Disabled) | use another instrumentation |
    /// | [`SdkDisabled`](Finding::SdkDisabled) | unset `OTEL_SDK_DISABLED` |
    /// | [`NoTracer`](Finding::NoTracer) | set a tracer provider, or install the layer |
    /// | [`NoMeter`](Finding::NoMeter) | set a meter provider, if metrics are wanted |
    /// | [`LayerNotFound`](Finding::LayerNotFound) | add the layer, of the right version, outside of `reload::Layer` |
    /// | [`SpansFiltered`](Finding::SpansFiltered) | let `otel_messaging=info` pass |
    /// | [`LayerWithoutTracer`](Finding::LayerWithoutTracer) | `with_tracer` |
    /// | [`NoGlobalPropagator`](Finding::NoGlobalPropagator) | set a global propagator |
    /// | [`PropagatorWithoutFields`](Finding::PropagatorWithoutFields) | give one that has fields |
    /// | [`IgnoredBaggageKeys`](Finding::IgnoredBaggageKeys) | copy keys with other names |
    /// | [`BrokerWildcards`](Finding::BrokerWildcards) | `Messages::to_prefix`, or a pattern with variables |
    /// | [`UnknownPolicy`](Finding::UnknownPolicy) | set `OTEL_MESSAGING_INCOMING` to a value that it has |
    /// | [`NoResampler`](Finding::NoResampler) | wrap the sampler in a `Resampler` |
    /// | [`UnreadContext`](Finding::UnreadContext) (by [`self_check_message`](Self::self_check_message)) | read the sender's format too |
    ///
    /// With the feature `tracing`, a program with a working layer does not need a tracer provider of
    /// OpenTelemetry, and a program without a subscriber does not need a layer.
    ///
    /// The check exports nothing: it tries spans in a suppressed context, for which OpenTelemetry's SDK
    /// calls neither a sampler nor a processor. Other layers see one span of `tracing` open and close. If a
    /// policy is [`Resample`](crate::trust::IncomingPolicy::Resample), the check also tries a span for which the
    /// SDK calls the sampler, and `on_start` if that is not the `Resampler` and records it.
    /// The check cannot see whether the provider was shut down.
    #[must_use]
    pub fn self_check(&self) -> Vec<Finding> {
        if self.settings().is_disabled {
            return vec![Finding::Disabled];
        }
        globals::look(SystemTime::now());
        Configured::look_at_global();
        let mut findings = Vec::new();
        if self.settings().telemetry.is_off() {
            findings.push(Finding::SdkDisabled);
        } else if !self.check_tracing(&mut findings) && !self.has_effect() {
            findings.push(Finding::NoTracer);
        }
        if !self.settings().telemetry.is_off() && !self.settings().metrics.has_provider() {
            findings.push(Finding::NoMeter);
        }
        findings.extend(self.settings().propagation.propagator.finding());
        let copied = self.settings().baggage_on_metrics.as_ref();
        findings.extend(copied.and_then(BaggageAttributes::finding));
        if let Some(trust) = &self.settings().trust {
            findings.extend(trust.findings());
            let has_spans =
                !self.settings().telemetry.is_off() && !findings.contains(&Finding::NoTracer);
            if has_spans && trust.resamples() && !probe::finds_resampler::<Core>(self.settings()) {
                findings.push(Finding::NoResampler);
            }
        }
        findings
    }

    /// Checks whether this instrumentation can read the context in the headers of a message, such as a
    /// message of another service in a handler or a test. It knows W3C Trace Context, B3, Jaeger,
    /// Datadog, AWS X-Ray and SkyWalking by their fields.
    ///
    /// ```
    /// use otel_messaging::Instrumentation;
    /// use std::collections::BTreeMap;
    ///
    /// let headers = BTreeMap::from([("X-B3-TraceId".to_owned(), "a3ce929d0e0e4736".to_owned())]);
    /// let finding = Instrumentation::default().self_check_message(&headers).unwrap();
    /// assert!(finding.to_string().contains("B3"));
    /// ```
    #[must_use]
    pub fn self_check_message<C, H>(&self, headers: &H) -> Option<Finding>
    where
        H: Carrier<C> + ?Sized,
    {
        let fields = self.settings().propagation.propagator.fields();
        let mut formats = Vec::new();
        for (format, names) in FORMATS {
            let is_one = |name: &str| names.iter().any(|field| field.eq_ignore_ascii_case(name));
            if headers.keys().any(is_one) {
                if fields.iter().any(|field| is_one(field)) {
                    return None;
                }
                formats.push(*format);
            }
        }
        (!formats.is_empty()).then(|| Finding::UnreadContext {
            formats,
            fields: fields.into_iter().map(Into::into).collect(),
        })
    }

    /// Whether the spans of messages are spans of `tracing`.
    fn check_tracing(&self, findings: &mut Vec<Finding>) -> bool {
        if self.settings().telemetry.is_given() {
            return false;
        }
        match traced_span::check(Operation::Process) {
            Some(Ok(())) => true,
            Some(Err(finding)) => {
                let is_by_tracing = finding == Finding::LayerWithoutTracer;
                findings.push(finding);
                is_by_tracing
            }
            None => false,
        }
    }

    fn has_effect(&self) -> bool {
        // The boundary reports a panic.
        let has_effect = self.settings().telemetry.has_effect::<Core>();
        has_effect.unwrap_or(true)
    }
}

/// This crate itself asks, for no client.
enum Core {}

impl Client for Core {
    const SYSTEM: &'static str = "";
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
}

/// The fields by which a format of contexts is known; a propagator that declares any of them reads it.
const FORMATS: &[(&str, &[&str])] = &[
    ("W3C Trace Context", &["traceparent"]),
    ("B3", &["b3", "x-b3-traceid"]),
    ("Jaeger", &["uber-trace-id"]),
    ("Datadog", &["x-datadog-trace-id"]),
    ("AWS X-Ray", &["x-amzn-trace-id"]),
    ("SkyWalking", &["sw8"]),
];
