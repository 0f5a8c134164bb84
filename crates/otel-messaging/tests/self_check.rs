//! What a program is told of its set-up. One test of the global settings, because they belong to the
//! whole process.

use opentelemetry::propagation::TextMapCompositePropagator;
use opentelemetry::trace::noop::NoopTracerProvider;
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{
    SamplingResult, SdkTracerProvider, ShouldSample, Span, SpanData, SpanProcessor,
};
use otel_messaging::instrumentation::{BaggageAttributes, Finding};
use otel_messaging::{Instrumentation, propagation, self_check};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Both count how often they are asked or told.
#[derive(Debug, Clone)]
struct Counts;

static COUNT: AtomicUsize = AtomicUsize::new(0);

impl ShouldSample for Counts {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        COUNT.fetch_add(1, Ordering::SeqCst);
        unreachable!("what is tried is not sampled")
    }
}

impl SpanProcessor for Counts {
    fn on_start(&self, _: &mut Span, _: &Context) {
        COUNT.fetch_add(1, Ordering::SeqCst);
    }

    fn on_end(&self, _: SpanData) {
        COUNT.fetch_add(1, Ordering::SeqCst);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn provider() -> SdkTracerProvider {
    SdkTracerProvider::builder()
        .with_sampler(Counts)
        .with_span_processor(Counts)
        .build()
}

#[test]
fn each_global_setting_that_is_missing_is_found() {
    assert_eq!(
        self_check(),
        [
            Finding::NoTracer,
            Finding::NoMeter,
            Finding::NoGlobalPropagator
        ]
    );
    // It is found without waiting, although messages look for it once a second.
    global::set_meter_provider(SdkMeterProvider::default());
    assert_eq!(
        self_check(),
        [Finding::NoTracer, Finding::NoGlobalPropagator]
    );

    global::set_text_map_propagator(TextMapCompositePropagator::new(Vec::new()));
    assert_eq!(
        self_check(),
        [Finding::NoTracer, Finding::NoGlobalPropagator]
    );
    global::set_text_map_propagator(propagation::w3c());
    assert_eq!(self_check(), [Finding::NoTracer]);

    global::set_tracer_provider(provider());
    assert_eq!(self_check(), []);
    assert_eq!(COUNT.load(Ordering::SeqCst), 0, "nothing is started");

    // What the application gave to the global instrumentation counts there too.
    let given = Instrumentation::builder()
        .with_tracer_provider(&NoopTracerProvider::new())
        .build();
    given.set_global().expect("once");
    assert_eq!(self_check(), [Finding::NoTracer]);
}

#[test]
fn what_was_given_counts() {
    let instrumentation = Instrumentation::builder()
        .with_tracer_provider(&provider())
        .with_meter_provider(&SdkMeterProvider::default())
        .with_propagator(propagation::w3c())
        .build();
    assert_eq!(instrumentation.self_check(), []);

    let without = instrumentation
        .to_builder()
        .with_propagator(TextMapCompositePropagator::new(Vec::new()))
        .build();
    assert_eq!(without.self_check(), [Finding::PropagatorWithoutFields]);

    let without = instrumentation
        .to_builder()
        .with_tracer_provider(&NoopTracerProvider::new())
        .build();
    assert_eq!(without.self_check(), [Finding::NoTracer]);
    assert_eq!(COUNT.load(Ordering::SeqCst), 0, "nothing is started");
}

#[test]
fn baggage_that_is_not_copied_is_found() {
    let instrumentation = Instrumentation::builder()
        .with_tracer_provider(&provider())
        .with_meter_provider(&SdkMeterProvider::default())
        .with_propagator(propagation::w3c());
    let copying = |keys: &[&str]| {
        let builder = instrumentation.clone();
        let builder = builder.with_baggage_on_metrics(BaggageAttributes::new(keys));
        builder.build().self_check()
    };
    assert_eq!(copying(&["tenant", "plan"]), []);
    let findings = copying(&["author", "tenant", "session.id", "author"]);
    let [finding @ Finding::IgnoredBaggageKeys { keys, .. }] = &*findings else {
        panic!("{findings:?}");
    };
    assert_eq!(*keys, ["author", "session.id"]);
    let said = finding.to_string();
    for expected in ["\"author\", \"session.id\"", finding.remedy()] {
        assert!(said.contains(expected), "{said}");
    }
    assert!(finding.remedy().contains("BaggageAttributes"), "{finding}");
}

fn headers(names: &[&str]) -> BTreeMap<String, String> {
    let header = |name: &&str| ((*name).to_owned(), "7".to_owned());
    names.iter().map(header).collect()
}

#[test]
fn a_message_in_another_format_is_found() {
    let w3c = Instrumentation::builder()
        .with_propagator(propagation::w3c())
        .build();
    for names in [
        &["order"][..],
        &["traceparent"],
        &["Traceparent", "x-datadog-trace-id", "b3"],
        &[],
    ] {
        assert_eq!(w3c.self_check_message(&headers(names)), None, "{names:?}");
    }

    let baggage_alone = Instrumentation::builder()
        .with_propagator(propagation::BaggagePropagator::new())
        .build();
    for (name, format) in [
        ("traceparent", "W3C Trace Context"),
        ("b3", "B3"),
        ("X-B3-TraceId", "B3"),
        ("uber-trace-id", "Jaeger"),
        ("x-datadog-trace-id", "Datadog"),
        ("X-Amzn-Trace-Id", "AWS X-Ray"),
        ("sw8", "SkyWalking"),
    ] {
        let headers = headers(&["order", name]);
        let finding = baggage_alone.self_check_message(&headers).expect(name);
        let Finding::UnreadContext {
            formats, fields, ..
        } = &finding
        else {
            panic!("{finding:?}");
        };
        assert_eq!(*formats, [format]);
        assert_eq!(*fields, ["baggage"]);
        let said = finding.to_string();
        for expected in [format, "baggage", finding.remedy()] {
            assert!(said.contains(expected), "{said}");
        }
    }

    let headers = headers(&["b3", "sw8"]);
    let finding = w3c.self_check_message(&headers).expect("two formats");
    assert!(finding.to_string().contains("B3, SkyWalking"), "{finding}");

    let nothing = Instrumentation::builder()
        .with_propagator(opentelemetry::propagation::TextMapCompositePropagator::new(
            Vec::new(),
        ))
        .build();
    let finding = nothing.self_check_message(&headers).expect("two formats");
    assert!(
        finding.to_string().contains("reads no fields. "),
        "{finding}"
    );
}

#[test]
fn each_finding_says_its_remedy() {
    for (finding, remedy) in [
        (Finding::NoTracer, "set_tracer_provider"),
        (Finding::LayerNotFound, "tracing-opentelemetry 0.34"),
        (Finding::LayerNotFound, "cargo tree --duplicates"),
        (Finding::LayerNotFound, "reload::Layer"),
        (Finding::SpansFiltered, "otel_messaging=info"),
        (Finding::LayerWithoutTracer, "with_tracer"),
        (Finding::NoGlobalPropagator, "set_text_map_propagator"),
        (Finding::PropagatorWithoutFields, "propagation::w3c()"),
    ] {
        assert!(finding.remedy().contains(remedy), "{finding}");
        assert!(finding.to_string().ends_with(finding.remedy()));
    }
}
