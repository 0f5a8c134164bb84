//! A log processor and an exporter of logs, which get the events of failures.

use crate::hostile::{Hostile, Place};
use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    LogBatch, LogExporter, LogProcessor, SdkLogRecord, SdkLoggerProvider,
};
use std::time::Duration;

impl Hostile {
    pub(crate) fn logger_provider(&self) -> SdkLoggerProvider {
        SdkLoggerProvider::builder()
            .with_log_processor(self.clone())
            .with_simple_exporter(self.clone())
            .build()
    }
}

impl LogProcessor for Hostile {
    fn emit(&self, _: &mut SdkLogRecord, _: &InstrumentationScope) {
        self.act(Place::LogProcessor);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl LogExporter for Hostile {
    async fn export(&self, _: LogBatch<'_>) -> OTelSdkResult {
        self.act(Place::LogExporter);
        Ok(())
    }
}
