//! `otel-messaging doctor`: from the arguments to the report.

use crate::arguments::bounds::BoundsArguments;
use crate::arguments::doctor::{DoctorArguments, DoctorSystem};
use crate::arguments::output::OutputArguments;
use crate::command::output as standard_output;
use crate::error::Error;
use crate::examine::examination::{Examination, sorted};
use crate::message::System;
use crate::progress::progress;
use crate::report::{self, End, Report};
use crate::source::scan::Scan;
use crate::source::{kafka, nats, rabbitmq};
use crate::spans;
use jiff::Timestamp;
use std::process::ExitCode;
use std::time::Instant;
use tokio::sync::watch;
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
    let (DoctorSystem::Kafka { output, .. }
    | DoctorSystem::RabbitMq { output, .. }
    | DoctorSystem::Nats { output, .. }) = &arguments.system;
    // A look may take long, and none is taken in vain.
    if let Some(file) = &output.html {
        report::html::can_be_written(file)?;
    }
    if let Some(from) = &output.spans {
        spans::can_be_read(from).await?;
    }
    let (system, address, bounds) = match &arguments.system {
        DoctorSystem::Kafka { source, bounds, .. } => (System::Kafka, source.address(), bounds),
        DoctorSystem::RabbitMq { source, bounds, .. } => {
            (System::RabbitMq, source.address(), bounds)
        }
        DoctorSystem::Nats { source, bounds, .. } => (System::Nats, source.address(), bounds),
    };
    let mut look = Look::begin(system, address, bounds, output);
    let end = match &arguments.system {
        DoctorSystem::Kafka { source, .. } => kafka::look(source, &mut look.scan).await?,
        DoctorSystem::RabbitMq { source, .. } => rabbitmq::look(source, &mut look.scan).await?,
        DoctorSystem::Nats { source, .. } => nats::look(source, &mut look.scan).await?,
    };
    look.end(end, output).await
}

/// A look that goes on.
struct Look {
    system: System,
    address: String,
    started_at: Timestamp,
    began: Instant,
    scan: Scan,
    /// What the next Ctrl-C ends.
    going_on: watch::Sender<CancellationToken>,
}

impl Look {
    fn begin(
        system: System,
        address: String,
        bounds: &BoundsArguments,
        output: &OutputArguments,
    ) -> Self {
        let stop = CancellationToken::new();
        let going_on = watch::Sender::new(stop.clone());
        tokio::spawn(stop_on_interrupt(going_on.subscribe()));
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
            going_on,
        }
    }

    async fn end(self, ended_by: End, output: &OutputArguments) -> Result<ExitCode, Error> {
        let (mut report, mut failure) = self.report(ended_by, output).await;
        if let Some(file) = &output.html
            && let Err(error) = report::html::write(&report, file)
        {
            report.notes.push(error.to_string());
            failure.get_or_insert(error);
        }
        print(&report, output)?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        Ok(match report.passes(output.fail_under) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    /// The report, and why it lacks the hops if they could not be found.
    async fn report(self, ended_by: End, output: &OutputArguments) -> (Report, Option<Error>) {
        self.scan.progress.finish_and_clear();
        let seconds = self.began.elapsed().as_secs_f64();
        let messages = self.scan.examination.messages();
        let mut examined = self.scan.examination.finish();
        let mut notes = self.scan.notes;
        let mut failure = None;
        let mut hops = None;
        if let Some(from) = &output.spans {
            let stop = CancellationToken::new();
            self.going_on.send_replace(stop.clone());
            let progress = progress();
            let joining = spans::join(from, &examined.sent, self.system, &progress);
            match stop.run_until_cancelled(joining).await {
                Some(Ok(mut joined)) => {
                    notes.append(&mut joined.hops.notes);
                    examined.findings.extend(joined.findings);
                    examined.findings = sorted(examined.findings);
                    hops = Some(joined.hops);
                }
                Some(Err(error)) => {
                    notes.push(format!(
                        "There are no hops, because the spans could not be read. {error}"
                    ));
                    failure = Some(error);
                }
                None => notes.push(format!(
                    "There are no hops, because you interrupted the reading of {from}."
                )),
            }
            progress.finish_and_clear();
        }
        let report = Report {
            version: Report::VERSION,
            system: self.system,
            address: self.address,
            started_at: format!("{:.0}", self.started_at),
            seconds,
            ended_by,
            messages,
            healthy: examined.healthy,
            disputed: examined.disputed,
            destinations: examined.destinations,
            findings: examined.findings,
            hops,
            notes,
        };
        (report, failure)
    }
}

fn print(report: &Report, output: &OutputArguments) -> Result<(), Error> {
    if output.json {
        return standard_output::json(report);
    }
    let mut text = Vec::new();
    report::text::write(report, &mut text, width())
        .map_err(|error| Error::new(format_args!("the report cannot be written: {error}")))?;
    standard_output::bytes(&text)
}

/// Of the terminal, if standard output is one.
fn width() -> Option<u16> {
    let (_, width) = console::Term::stdout().size_checked()?;
    Some(width)
}

/// Ctrl-C ends the look or the reading of spans, and the report is written. Where that does not end at once, or is over,
/// another one ends the program.
async fn stop_on_interrupt(going_on: watch::Receiver<CancellationToken>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        let stop = going_on.borrow().clone();
        if stop.is_cancelled() {
            std::process::exit(130);
        }
        stop.cancel();
    }
}

#[cfg(test)]
mod tests;
