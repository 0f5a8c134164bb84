//! The five services.

use super::process::Process;
use crate::arguments::Arguments;
use futures_util::FutureExt;
use futures_util::future::select_all;
use std::env;
use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::process::Command;

/// In the order in which they end: each has handled what the one before it has sent.
const NAMES: [&str; 5] = ["gateway", "billing", "shipping", "notifier", "customers"];

/// The five services, as processes.
pub(super) struct Services {
    processes: Vec<Process>,
    gateway: String,
    /// Billing's database may be in it.
    _work: TempDir,
}

impl Services {
    /// Starts all, and waits until they take work. They export to `endpoint`, if there is one, and to where
    /// the environment says otherwise.
    pub(super) async fn start(
        arguments: &Arguments,
        endpoint: Option<&str>,
    ) -> anyhow::Result<Self> {
        let work = tempfile::tempdir()?;
        let mut processes = Vec::new();
        for name in NAMES {
            let mut command = arguments.command_of(name)?;
            if name == "gateway" {
                let any =
                    SocketAddr::from(([127, 0, 0, 1], if arguments.serve { 8080 } else { 0 }));
                let listen = arguments.listen.unwrap_or(any);
                command.arg("--listen").arg(listen.to_string());
            }
            if name == "billing" {
                let own = || match arguments.serve {
                    true => "invoices.db".into(),
                    false => work.path().join("invoices.db"),
                };
                let database = arguments.database.clone().unwrap_or_else(own);
                command.arg("--database").arg(database);
            }
            if let Some(endpoint) = endpoint {
                export_to(endpoint, &mut command);
            }
            processes.push(Process::start(name, command, arguments.serve)?);
        }
        let mut gateway = String::new();
        for process in &mut processes {
            let at = process.ready().await?;
            if process.name == "gateway" {
                gateway = at;
            }
        }
        Ok(Self {
            processes,
            gateway,
            _work: work,
        })
    }

    /// Where the gateway listens.
    pub(super) fn gateway(&self) -> &str {
        &self.gateway
    }

    /// Waits until one of them ends by itself. None should.
    pub(super) async fn ended(&mut self) -> anyhow::Error {
        let ends = self
            .processes
            .iter_mut()
            .map(|process| process.ended().boxed());
        select_all(ends).await.0
    }

    /// Ends them, in their order. Returns the first failure.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        let mut ended = Ok(());
        for process in &mut self.processes {
            ended = ended.and(process.stop().await);
        }
        ended
    }
}

/// Whatever the environment says of exporters and of log lines: all is to be shown.
fn export_to(endpoint: &str, command: &mut Command) {
    let unset = [
        "OTEL_EXPORTER_OTLP_",
        "OTEL_TRACES_",
        "OTEL_METRICS_",
        "OTEL_LOGS_",
        "OTEL_SDK_",
        "RUST_LOG",
    ];
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if unset.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
}
