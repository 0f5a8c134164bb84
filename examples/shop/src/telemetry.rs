//! Traces, metrics and logs over OTLP: the only telemetry code of the shop.

use anyhow::anyhow;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otel_messaging::instrumentation::{BaggageAttributes, MetricDestinations};
use otel_messaging::sdk::BaggageProcessor;
use otel_messaging::{Instrumentation, propagation, self_check};
use std::{env, io};
use tracing::{Metadata, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// What is exported. When it is dropped, also by a panic, it exports what is left.
pub(crate) struct Telemetry {
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
    loggers: SdkLoggerProvider,
    /// Writes the last log lines when it is dropped.
    _lines: WorkerGuard,
}

impl Telemetry {
    /// Sets up everything that is global. The exporters read where to from `OTEL_EXPORTER_OTLP_ENDPOINT` and its
    /// siblings.
    pub(crate) fn start(service: &'static str) -> anyhow::Result<Self> {
        let namespace = KeyValue::new("service.namespace", "shop");
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(namespace)
            .build();
        // All spans, log records and metrics of messages have the tenant. The first hundred tenants are on
        // metrics by their names. If you know yours, `with_listed_values` is safer.
        let tenant = BaggageAttributes::new(["tenant"]);
        let mut tracers = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_span_processor(BaggageProcessor::new(tenant.clone()));
        if is_wanted("OTEL_TRACES_EXPORTER") {
            tracers = tracers.with_batch_exporter(SpanExporter::builder().with_http().build()?);
        }
        let mut meters = SdkMeterProvider::builder().with_resource(resource.clone());
        if is_wanted("OTEL_METRICS_EXPORTER") {
            meters = meters.with_periodic_exporter(MetricExporter::builder().with_http().build()?);
        }
        let mut loggers = SdkLoggerProvider::builder()
            .with_resource(resource)
            .with_log_processor(BaggageProcessor::new(tenant.clone()));
        if is_wanted("OTEL_LOGS_EXPORTER") {
            loggers = loggers.with_batch_exporter(LogExporter::builder().with_http().build()?);
        }
        let (tracers, meters, loggers) = (tracers.build(), meters.build(), loggers.build());

        let (stdout, written) = tracing_appender::non_blocking(io::stdout());
        let spans = tracing_opentelemetry::layer().with_tracer(tracers.tracer("shop"));
        let logs = OpenTelemetryTracingBridge::new(&loggers);
        tracing_subscriber::registry()
            // `RUST_LOG` is for the log lines: it hides no spans.
            .with(spans.with_filter(LevelFilter::INFO))
            .with(
                logs.with_filter(filter_fn(is_exported))
                    .with_filter(logged()?),
            )
            .with(json_lines(stdout).with_filter(logged()?))
            .try_init()?;
        global::set_tracer_provider(tracers.clone());
        global::set_meter_provider(meters.clone());
        global::set_text_map_propagator(propagation::w3c());
        Instrumentation::builder()
            .with_metric_destinations(MetricDestinations::All)
            .with_baggage_on_metrics(tenant)
            .with_exception_events(&loggers)
            .build()
            .set_global()?;
        for finding in self_check() {
            tracing::warn!("{finding}");
        }
        Ok(Self {
            tracers,
            meters,
            loggers,
            _lines: written,
        })
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        for ended in [
            self.tracers.shutdown(),
            self.meters.shutdown(),
            self.loggers.shutdown(),
        ] {
            // A collector that does not answer is no failure of the service.
            if let Err(error) = ended {
                tracing::warn!("not exported: {error}");
            }
        }
    }
}

/// Whether a signal is exported (OpenTelemetry specification, "Exporter Selection").
fn is_wanted(exporter: &str) -> bool {
    env::var(exporter).as_deref() != Ok("none")
}

/// What is logged.
fn logged() -> anyhow::Result<EnvFilter> {
    let set = env::var("RUST_LOG").ok().filter(|set| !set.is_empty());
    let wanted = set.as_deref().unwrap_or("info,opentelemetry=warn");
    EnvFilter::try_new(wanted).map_err(|error| anyhow!("RUST_LOG={wanted}: {error}"))
}

/// The exporters' own lines would be exported, and make more of them.
fn is_exported(metadata: &Metadata<'_>) -> bool {
    let of_exporters = ["opentelemetry", "hyper", "reqwest"];
    !of_exporters
        .iter()
        .any(|target| metadata.target().starts_with(target))
}

/// Log lines as JSON, with the ids of the current trace and span (OpenTelemetry specification, "Trace Context
/// in non-OTLP Log Formats"). If nobody reads them, lines are lost, and no service waits.
fn json_lines<S>(stdout: NonBlocking) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut lines = json_subscriber::layer()
        .with_writer(stdout)
        .with_current_span(false)
        .with_span_list(false);
    let fields = lines.inner_layer_mut();
    fields.add_multiple_dynamic_fields(|_event, _context, line| {
        let context = Context::current();
        let ids = context.span().span_context().clone();
        if ids.is_valid() {
            // It can fail only with the line itself.
            let _ = line.write_field("trace_id", ids.trace_id().to_string());
            let _ = line.write_field("span_id", ids.span_id().to_string());
        }
    });
    lines
}

/// Gives each request a span, and the tenant of its header as baggage.
pub(crate) fn trace_requests(router: Router) -> Router {
    router
        .layer(OtelAxumLayer::default())
        // Outside of it, so that the span of the request has the tenant too.
        .layer(from_fn(with_tenant))
}

async fn with_tenant(mut request: Request, next: Next) -> Response {
    // A stranger's baggage would go on to all services. The trace of a stranger is continued.
    request.headers_mut().remove("baggage");
    let tenant = request.headers().get("tenant");
    let context = match tenant.and_then(|tenant| tenant.to_str().ok()) {
        Some(tenant) => Context::current_with_baggage([KeyValue::new("tenant", tenant.to_owned())]),
        None => Context::current(),
    };
    next.run(request).with_context(context).await
}
