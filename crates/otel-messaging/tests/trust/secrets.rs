//! Values that look like credentials are on no span and no metric.

use crate::program::{Program, SAMPLED, message};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use otel_messaging::instrumentation::BaggageAttributes;

#[test]
fn a_credential_is_neither_on_spans_nor_on_metrics() {
    let program = Program::new();
    let exporter = InMemoryMetricExporter::default();
    let meters = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter.clone())
        .build();
    let by = program
        .builder()
        .with_meter_provider(&meters)
        .with_captured_headers(["x-note", "x-plain"])
        .with_baggage_on_metrics(BaggageAttributes::new(["note", "plain"]))
        .build();
    // Put together here, so that no scanner of sources takes it for a real one.
    let secret = ["ghp", "0123456789abcdefABCD0123456789abcdef"].join("_");
    let message = message([
        ("traceparent", SAMPLED.to_owned()),
        ("baggage", format!("note={secret},plain=acme")),
        ("x-note", format!("Bearer {secret}")),
        ("x-plain", "globex".to_owned()),
    ]);
    drop(by.process(&message));
    meters.force_flush().expect("in memory");
    let seen = format!("{:?}", exporter.get_finished_metrics());
    assert!(seen.contains("acme") && seen.contains("_OTHER"), "{seen}");
    assert!(!seen.contains(&secret));
    let span = format!("{:?}", program.only());
    assert!(span.contains("globex") && !span.contains(&secret), "{span}");
}
