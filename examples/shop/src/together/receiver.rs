//! A receiver of OTLP over HTTP. It keeps what it gets, and passes it on.

use super::received::Received;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{env, mem};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Debug, Clone, Copy)]
enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// What was received.
#[derive(Default)]
struct Kept {
    received: Received,
    /// The first failure.
    not_passed_on: Option<String>,
}

#[derive(Clone, Default)]
struct Keeper {
    kept: Arc<Mutex<Kept>>,
    client: reqwest::Client,
}

/// Receives until it is finished.
pub(super) struct Receiver {
    endpoint: String,
    keeper: Keeper,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Listens on a free port.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let keeper = Keeper::default();
        let router = Router::new()
            .route(
                "/v1/traces",
                post(async |State(it): State<Keeper>, body| it.take(Signal::Traces, body).await),
            )
            .route(
                "/v1/metrics",
                post(async |State(it): State<Keeper>, body| it.take(Signal::Metrics, body).await),
            )
            .route(
                "/v1/logs",
                post(async |State(it): State<Keeper>, body| it.take(Signal::Logs, body).await),
            )
            // All that a service has left, in one request.
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(keeper.clone());
        let task = tokio::spawn(async move {
            // It ends with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            endpoint,
            keeper,
            task,
        })
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What was exported. Those who export have ended.
    pub(super) fn finish(self) -> (Received, anyhow::Result<()>) {
        self.task.abort();
        let Kept {
            received,
            not_passed_on,
        } = mem::take(&mut *self.keeper.kept());
        let passed_on = not_passed_on.map_or(Ok(()), |why| Err(anyhow::anyhow!("{why}")));
        (received, passed_on)
    }
}

impl Keeper {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, signal: Signal, body: Bytes) -> StatusCode {
        if self.keep(signal, &body).is_err() {
            return StatusCode::BAD_REQUEST;
        }
        if let Some(url) = signal.onward()
            && let Err(error) = self.pass_on(&url, body).await
        {
            let why = format!("{url}: {error}");
            self.kept().not_passed_on.get_or_insert(why);
        }
        StatusCode::OK
    }

    fn keep(&self, signal: Signal, body: &[u8]) -> Result<(), prost::DecodeError> {
        let received = &mut self.kept().received;
        match signal {
            Signal::Traces => received.add_spans(ExportTraceServiceRequest::decode(body)?),
            Signal::Metrics => received.add_metrics(ExportMetricsServiceRequest::decode(body)?),
            Signal::Logs => received.add_logs(ExportLogsServiceRequest::decode(body)?),
        }
        Ok(())
    }

    async fn pass_on(&self, url: &str, body: Bytes) -> reqwest::Result<()> {
        let request = self.client.post(url).body(body);
        let request = request.header(header::CONTENT_TYPE, "application/x-protobuf");
        request.send().await?.error_for_status()?;
        Ok(())
    }
}

impl Signal {
    /// Where the environment says that the signal goes (OpenTelemetry specification, "OTLP Exporter").
    fn onward(self) -> Option<String> {
        let (own, exporter, path) = match self {
            Self::Traces => ("TRACES", "OTEL_TRACES_EXPORTER", "traces"),
            Self::Metrics => ("METRICS", "OTEL_METRICS_EXPORTER", "metrics"),
            Self::Logs => ("LOGS", "OTEL_LOGS_EXPORTER", "logs"),
        };
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        if set(exporter).as_deref() == Some("none") {
            return None;
        }
        set(&format!("OTEL_EXPORTER_OTLP_{own}_ENDPOINT")).or_else(|| {
            let all = set("OTEL_EXPORTER_OTLP_ENDPOINT")?;
            Some(format!("{}/v1/{path}", all.trim_end_matches('/')))
        })
    }
}
