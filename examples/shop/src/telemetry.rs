//! Traces, metrics and logs over OTLP: the only telemetry code of the shop.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, TracerProvider};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_messaging::instrumentation::MetricDestinations;
use otel_messaging::{Instrumentation, propagation, self_check};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// What is exported, until [`shut_down`](Self::shut_down).
pub(crate) struct Telemetry {
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
    loggers: SdkLoggerProvider,
}

impl Telemetry {
    /// Sets up everything that is global. The exporters read where to from `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) fn start(service: &'static str) -> anyhow::Result<Self> {
        let namespace = KeyValue::new("service.namespace", "shop");
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(namespace)
            .build();
        let tracers = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_batch_exporter(SpanExporter::builder().with_http().build()?)
            .build();
        let meters = SdkMeterProvider::builder()
            .with_resource(resource.clone())
            .with_periodic_exporter(MetricExporter::builder().with_http().build()?)
            .build();
        let loggers = SdkLoggerProvider::builder()
            .with_resource(resource)
            .with_batch_exporter(LogExporter::builder().with_http().build()?)
            .build();

        let filter =
            || EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
        let spans = tracing_opentelemetry::layer().with_tracer(tracers.tracer("shop"));
        // Without the exporters' own lines, which would be exported, and so on.
        let exported = ["opentelemetry", "hyper", "reqwest"]
            .map(|target| format!("{target}=off").parse())
            .into_iter()
            .try_fold(filter(), |filter, directive| {
                Ok::<_, anyhow::Error>(filter.add_directive(directive?))
            })?;
        let logs = OpenTelemetryTracingBridge::new(&loggers).with_filter(exported);
        let lines = json_subscriber::layer()
            .with_current_span(false)
            .with_span_list(false)
            .with_opentelemetry_ids(true);
        tracing_subscriber::registry()
            .with(filter())
            .with(spans)
            .with(logs)
            .with(lines)
            .init();

        global::set_tracer_provider(tracers.clone());
        global::set_meter_provider(meters.clone());
        global::set_text_map_propagator(propagation::w3c());
        Instrumentation::builder()
            .with_metric_destinations(MetricDestinations::All)
            .build()
            .set_global()?;
        for finding in self_check() {
            tracing::warn!("{finding}");
        }
        Ok(Self {
            tracers,
            meters,
            loggers,
        })
    }

    /// Exports what is left.
    pub(crate) fn shut_down(self) -> anyhow::Result<()> {
        let ended = [
            self.tracers.shutdown(),
            self.meters.shutdown(),
            self.loggers.shutdown(),
        ];
        Ok(ended.into_iter().collect::<Result<_, _>>()?)
    }
}

/// Gives each request a span, and the tenant of its header as baggage.
pub(crate) fn of_requests(router: Router) -> Router {
    router
        .layer(OtelAxumLayer::default())
        .layer(from_fn(with_tenant)) // the outer one
}

async fn with_tenant(request: Request, next: Next) -> Response {
    let tenant = request.headers().get("tenant");
    let context = match tenant.and_then(|tenant| tenant.to_str().ok()) {
        Some(tenant) => Context::current_with_baggage([KeyValue::new("tenant", tenant.to_owned())]),
        None => Context::current(),
    };
    next.run(request).with_context(context).await
}
