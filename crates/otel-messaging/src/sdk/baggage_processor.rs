//! Baggage on all spans and logs of a program.

use crate::message::attributes::Attributes;
use crate::policy::baggage_attributes::BaggageAttributes;
use opentelemetry::logs::{AnyValue, LogRecord, Severity};
use opentelemetry::trace::Span as _;
use opentelemetry::{Context, InstrumentationScope, Key, KeyValue, StringValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use std::time::Duration;

/// Copies baggage onto all spans and log records of the program, the application's too: a span gets it from the
/// context of its parent, and a log record from the context that is current. So everything that a handler does
/// has the message's tenant, if the message's baggage has one. For metrics of messages there is
/// [`with_baggage_on_metrics`](crate::instrumentation::Builder::with_baggage_on_metrics).
///
/// ```
/// use opentelemetry_sdk::logs::SdkLoggerProvider;
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use otel_messaging::instrumentation::BaggageAttributes;
/// use otel_messaging::sdk::BaggageProcessor;
///
/// let tenant = BaggageAttributes::new(["tenant"]);
/// let tracers = SdkTracerProvider::builder()
///     .with_span_processor(BaggageProcessor::new(tenant.clone()))
///     .build(); // with the exporter that you use
/// let loggers = SdkLoggerProvider::builder()
///     .with_log_processor(BaggageProcessor::new(tenant)) // before the exporter
///     .build();
/// # let _ = (tracers, loggers);
/// ```
///
/// A log processor that exports must come after this one, because it does not see what is added later. The order of
/// span processors does not matter.
///
/// [`BaggageAttributes`] says what becomes of hostile values. Metrics alone bound how many values there are.
///
/// If a span or a log record has an attribute of the key's name already, that one stays, and the baggage is left
/// out. For a span this is what it has at its start. If the application sets the attribute later, the span has
/// both, because the SDK replaces none.
///
/// With tracing-opentelemetry, a contextual span gets the baggage that is current when the span is made. If the
/// layer does not activate contexts, it gets the baggage of the span around it. Baggage that was attached inside
/// that span is then missing.
#[derive(Debug, Clone)]
pub struct BaggageProcessor {
    copied: BaggageAttributes,
}

impl BaggageProcessor {
    /// Copies these keys.
    pub fn new(attributes: BaggageAttributes) -> Self {
        Self { copied: attributes }
    }

    /// What spans and logs get of a context.
    fn of(&self, context: &Context) -> Vec<(Key, StringValue)> {
        let mut found = Vec::new();
        self.copied.each_value(context, |key, text| {
            let shown = Attributes::shown(text);
            found.extend(shown.map(|shown| (key.clone(), shown)));
        });
        found
    }
}

impl SpanProcessor for BaggageProcessor {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        let mut found = self.of(parent);
        if found.is_empty() {
            return;
        }
        // The SDK shows what a span has only as a copy of all.
        if let Some(begun) = span.exported_data() {
            found.retain(|(key, _)| begun.attributes.iter().all(|it| it.key != *key));
        }
        for (key, value) in found {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    fn on_end(&self, _span: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl LogProcessor for BaggageProcessor {
    fn emit(&self, record: &mut SdkLogRecord, _scope: &InstrumentationScope) {
        let mut found = Context::map_current(|current| self.of(current));
        found.retain(|(key, _)| record.attributes_iter().all(|(other, _)| other != key));
        for (key, value) in found {
            record.add_attribute(key, AnyValue::String(value));
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    /// This processor wants no records for itself. The SDK makes a record if any of the processors wants it.
    fn event_enabled(&self, _level: Severity, _target: &str, _name: Option<&str>) -> bool {
        false
    }
}
