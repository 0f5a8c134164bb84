//! Metrics beside spans of `tracing`.

use crate::message::{NOWHERE, message, spans};
use crate::meter::meter;
use crate::subscribe;
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{Outcome, semconv};

/// The layer takes the start of a span itself, a little earlier.
#[test]
fn a_span_lasts_about_as_long_as_its_metric_says() {
    let (spans, meter) = (spans(), meter());
    let _subscribed = subscribe(&spans, true);
    let by = Instrumentation::builder().with_meter_provider(&meter.provider);
    let by = by.build();
    by.outgoing("publish", &NOWHERE).finish(Outcome::accepted());
    drop(by.process(&message()));
    let names = [
        semconv::MESSAGING_CLIENT_OPERATION_DURATION,
        semconv::MESSAGING_PROCESS_DURATION,
    ];
    let ended = spans.ended();
    assert_eq!(ended.len(), names.len());
    for (span, name) in ended.iter().zip(names) {
        let lasted = span.end_time.duration_since(span.start_time);
        let lasted = lasted.expect("an end after the start").as_secs_f64();
        let more = lasted - meter.only(name).seconds;
        assert!((-1e-9..1.0).contains(&more), "{name}: {more}");
    }
}
