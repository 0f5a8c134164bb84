//! From the command line to an exit status.

use crate::arguments::{Arguments, Command, Doctor, Place};
use crate::error::Error;
use crate::examine::Examination;
use crate::message::System;
use crate::report::End;
use crate::source::bounds::{Bounds, From};
use crate::source::scan::Scan;
use crate::source::{kafka, nats, rabbitmq};
use clap::Parser;
use indicatif::ProgressBar;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Runs the program on the arguments of the process.
///
/// The exit status is 0 if the command did its work, 1 if what it looked at does not pass (an invalid
/// field, a share below `--fail-under`), and 2 if it could not look: wrong arguments, an address that
/// does not answer, credentials that are refused, a topic that does not exist.
pub fn main() -> ExitCode {
    let Command::Doctor(doctor) = Arguments::parse().command;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (scan, end) = runtime.block_on(async {
        match doctor {
            Doctor::Kafka(place) => {
                let mut scan = scan(System::Kafka, &place);
                let end = kafka::look(&place.source, &mut scan).await;
                (scan, end)
            }
            Doctor::RabbitMq(place) => {
                let mut scan = scan(System::RabbitMq, &place);
                let end = rabbitmq::look(&place.source, &mut scan).await;
                (scan, end)
            }
            Doctor::Nats(place) => {
                let mut scan = scan(System::Nats, &place);
                let end = nats::look(&place.source, &mut scan).await;
                (scan, end)
            }
        }
    });
    print(&scan, end)
}

fn scan<A: clap::Args>(system: System, place: &Place<A>) -> Scan {
    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        stopped.cancel();
    });
    Scan {
        examination: Examination::new(system, false),
        bounds: Bounds {
            from: match place.since {
                Some(since) => From::Time(
                    SystemTime::UNIX_EPOCH
                        + Duration::from_nanos(u64::try_from(since.as_nanosecond()).unwrap_or(0)),
                ),
                None => From::Last(place.last),
            },
            listen_for: place.listen_for.map(|time| time.unsigned_abs()),
            max: place.max,
        },
        stop,
        progress: ProgressBar::hidden(),
        notes: Vec::new(),
    }
}

fn print(scan: &Scan, end: Result<End, Error>) -> ExitCode {
    match end {
        Ok(end) => {
            let report = serde_json::json!({
                "messages": scan.examination.messages(),
                "ended_by": end,
                "notes": scan.notes,
            });
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
