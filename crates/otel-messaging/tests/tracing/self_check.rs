//! What a program with `tracing` is told of its set-up.

use crate::message::{Spans, spans};
use crate::subscribe;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use otel_messaging::instrumentation::Finding;
use otel_messaging::{Instrumentation, process, propagation};
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, registry, reload};

fn layer<S>(spans: &Spans) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer().with_tracer(spans.provider.tracer("application"))
}

/// No global tracer provider is set in this process.
fn by_tracing() -> Instrumentation {
    Instrumentation::builder()
        .with_meter_provider(&SdkMeterProvider::default())
        .with_propagator(propagation::w3c())
        .build()
}

fn found_under(subscriber: impl Subscriber + Send + Sync) -> Vec<Finding> {
    tracing::subscriber::with_default(subscriber, || by_tracing().self_check())
}

/// The layer's tracer is enough; nothing is exported.
#[test]
fn a_layer_in_order_is_found_in_order() {
    for activation in [true, false] {
        let spans = spans();
        let _subscribed = subscribe(&spans, activation);
        for _ in 0..2 {
            assert_eq!(by_tracing().self_check(), []);
        }
        assert_eq!(spans.ended(), []);
        drop(process(&crate::message::message()));
        assert_eq!(spans.only().name, "process orders");
    }
}

#[test]
fn a_missing_layer_is_found() {
    let expected = [Finding::LayerNotFound, Finding::NoTracer];
    assert_eq!(found_under(registry()), expected);

    let spans = spans();
    let (reloaded, _handle) = reload::Layer::new(layer(&spans));
    assert_eq!(found_under(registry().with(reloaded)), expected);
    assert_eq!(spans.ended(), []);

    // Nobody needs the layer of a program without subscriber.
    assert_eq!(by_tracing().self_check(), [Finding::NoTracer]);
}

#[test]
fn a_filter_is_found() {
    let expected = [Finding::SpansFiltered, Finding::NoTracer];
    let spans = spans();
    let of_application = Targets::new().with_target("app", Level::INFO);
    let of_all = registry().with(layer(&spans)).with(of_application);
    assert_eq!(found_under(of_all), expected);
    let of_layer = registry().with(layer(&spans).with_filter(LevelFilter::WARN));
    assert_eq!(found_under(of_layer), expected);
    let own = filter_fn(|metadata| metadata.target().starts_with("app"));
    let dynamic = registry().with(layer(&spans).with_filter(own));
    assert_eq!(found_under(dynamic), expected);

    let remedy = Targets::new()
        .with_target("app", Level::INFO)
        .with_target("otel_messaging", Level::INFO);
    let mended = registry().with(layer(&spans)).with(remedy);
    assert_eq!(found_under(mended), []);
    assert_eq!(spans.ended(), []);
}

#[test]
fn a_layer_without_tracer_is_found() {
    let without = registry().with(tracing_opentelemetry::layer());
    assert_eq!(found_under(without), [Finding::LayerWithoutTracer]);
}

/// Spans of a given provider are none of `tracing`.
#[test]
fn a_given_provider_needs_no_layer() {
    let spans = spans();
    let given = by_tracing()
        .to_builder()
        .with_tracer_provider(&spans.provider)
        .build();
    tracing::subscriber::with_default(registry(), || assert_eq!(given.self_check(), []));
}
