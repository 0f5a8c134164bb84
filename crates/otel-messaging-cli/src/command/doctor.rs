//! `otel-messaging doctor`: from the arguments to the report.

use crate::arguments::bounds::BoundsArguments;
use crate::arguments::doctor::{DoctorArguments, DoctorSystem};
use crate::arguments::output::OutputArguments;
use crate::error::Error;
use crate::examine::examination::{Examination, sorted};
use crate::message::System;
use crate::progress::progress;
use crate::report::{self, End, Report};
use crate::source::scan::Scan;
use crate::source::{kafka, nats, rabbitmq};
use crate::spans;
use jiff::Timestamp;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Looks, reports, and says whether the messages pass.
pub(super) fn run(arguments: &DoctorArguments) -> Result<ExitCode, Error> {
    // One provider for all clients, whichever others a dependency brings along.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Error::new(format_args!("no thread can be started: {error}")))?;
    let done = runtime.block_on(doctor(arguments));
    // A client's thread that waits for its broker must not keep the program.
    runtime.shutdown_background();
    done
}

async fn doctor(arguments: &DoctorArguments) -> Result<ExitCode, Error> {
    match &arguments.system {
        DoctorSystem::Kafka {
            source,
            bounds,
            output,
        } => {
            let mut look = Look::begin(System::Kafka, source.address(), bounds, output);
            let end = kafka::look(source, &mut look.scan).await?;
            look.end(end, output).await
        }
        DoctorSystem::RabbitMq {
            source,
            bounds,
            output,
        } => {
            let mut look = Look::begin(System::RabbitMq, source.address(), bounds, output);
            let end = rabbitmq::look(source, &mut look.scan).await?;
            look.end(end, output).await
        }
        DoctorSystem::Nats {
            source,
            bounds,
            output,
        } => {
            let mut look = Look::begin(System::Nats, source.address(), bounds, output);
            let end = nats::look(source, &mut look.scan).await?;
            look.end(end, output).await
        }
    }
}

/// A look that goes on.
struct Look {
    system: System,
    address: String,
    started_at: Timestamp,
    began: Instant,
    scan: Scan,
}

impl Look {
    fn begin(
        system: System,
        address: String,
        bounds: &BoundsArguments,
        output: &OutputArguments,
    ) -> Self {
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_interrupt(stop.clone()));
        Self {
            system,
            address,
            started_at: Timestamp::now(),
            began: Instant::now(),
            scan: Scan {
                examination: Examination::new(system, output.show_values, output.spans.is_some()),
                bounds: bounds.bounds(),
                stop,
                progress: progress(),
                notes: Vec::new(),
            },
        }
    }

    async fn end(self, ended_by: End, output: &OutputArguments) -> Result<ExitCode, Error> {
        self.scan.progress.finish_and_clear();
        let seconds = self.began.elapsed().as_secs_f64();
        let messages = self.scan.examination.messages();
        let mut examined = self.scan.examination.finish();
        let mut hops = None;
        if let Some(from) = &output.spans {
            let joined = spans::join(from, &examined.sent, self.system, &progress()).await?;
            examined.findings.extend(joined.findings);
            examined.findings = sorted(examined.findings);
            hops = Some(joined.hops);
        }
        let report = Report {
            system: self.system,
            address: self.address,
            started_at: self.started_at.to_string(),
            seconds,
            ended_by,
            messages,
            healthy: examined.healthy,
            disputed: examined.disputed,
            destinations: examined.destinations,
            findings: examined.findings,
            hops,
            notes: self.scan.notes,
        };
        if let Some(file) = &output.html {
            report::html::write(&report, file)?;
        }
        print(&report, output)?;
        Ok(match report.passes(output.fail_under) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

fn print(report: &Report, output: &OutputArguments) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    let written = match output.json {
        true => serde_json::to_writer_pretty(&mut stdout, report)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(stdout)),
        false => report::text::write(report, &mut stdout, width()),
    };
    match written {
        // Whoever reads it has read enough, such as `head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| Error::new(format_args!("standard output: {error}"))),
    }
}

/// Of the terminal, if standard output is one.
fn width() -> Option<u16> {
    let (_, width) = console::Term::stdout().size_checked()?;
    Some(width)
}

/// The first Ctrl-C ends the look, and the report is written; the second ends the program.
async fn stop_on_interrupt(stop: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.cancel();
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(130);
    }
}
