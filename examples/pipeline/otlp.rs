//! The export over OTLP, for those who set where to.

use examples::address::Address;
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::env;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(2);

/// An exporter to the endpoint in the environment, if there is one.
///
/// A failure is put into `failed` and is the end of it: the SDK itself would only log it.
pub(crate) fn exporter(failed: &Failed) -> Option<Otlp> {
    endpoint()?;
    let builder = OtlpExporter::builder().with_http().with_timeout(REQUEST);
    match builder.build() {
        Ok(exporter) => Some(Otlp {
            exporter,
            failed: failed.clone(),
        }),
        Err(error) => {
            failed.tell(error);
            None
        }
    }
}

#[derive(Debug)]
pub(crate) struct Otlp {
    exporter: OtlpExporter,
    failed: Failed,
}

impl SpanExporter for Otlp {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.exporter.export(batch).await;
        if let Err(error) = &exported {
            self.failed.tell(error);
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The first thing that went wrong with an export.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failed(Arc<OnceLock<String>>);

impl Failed {
    pub(crate) fn tell(&self, what: impl ToString) {
        let _ = self.0.set(what.to_string());
    }

    /// What to say of it.
    pub(crate) fn failure(&self) -> Option<anyhow::Error> {
        let what = self.0.get()?;
        let failure = endpoint()?.failure("the spans did not get to the collector", what);
        Some(failure)
    }
}

fn endpoint() -> Option<Address> {
    let endpoint = env::var(ENDPOINT).ok()?;
    (!endpoint.is_empty()).then(|| Address::new(endpoint))
}
