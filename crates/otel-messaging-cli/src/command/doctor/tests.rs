//! What comes of a look whose spans cannot be read.

use super::*;
use crate::arguments::{Arguments, Command};
use crate::source::bounds::{Bounds, From};
use clap::Parser as _;
use std::path::Path;
use tokio::runtime::Runtime;

fn output(arguments: &[&str]) -> OutputArguments {
    let kafka = [
        "otel-messaging",
        "doctor",
        "kafka",
        "-b",
        "localhost",
        "-t",
        "orders",
    ];
    let Command::Doctor(doctor) = Arguments::parse_from(kafka.iter().chain(arguments)).command
    else {
        panic!("not the doctor");
    };
    match doctor.system {
        DoctorSystem::Kafka { output, .. } => output,
        other => panic!("{other:?}"),
    }
}

fn look(going_on: watch::Sender<CancellationToken>) -> Look {
    Look {
        system: System::Kafka,
        address: "localhost:9092".to_owned(),
        started_at: Timestamp::new(7, 999_999_999).unwrap(),
        began: Instant::now(),
        scan: Scan {
            examination: Examination::new(System::Kafka, false, true),
            bounds: Bounds {
                from: From::Last(1),
                listen_for: None,
                max: 1,
            },
            stop: CancellationToken::new(),
            progress: progress(),
            notes: Vec::new(),
        },
        going_on,
    }
}

#[test]
fn spans_that_cannot_be_read_do_not_lose_the_report() {
    let output = output(&["--spans", "/no/such"]);
    let look = look(watch::Sender::new(CancellationToken::new()));
    let reported = look.report(End::Complete, &output);
    let (report, failure) = Runtime::new().unwrap().block_on(reported);
    let failure = failure.unwrap().to_string();
    assert!(
        failure.starts_with("--spans /no/such: No such file"),
        "{failure}"
    );
    assert_eq!(report.started_at, "1970-01-01T00:00:07Z");
    assert!(report.hops.is_none());
    let note = format!("There are no hops, because the spans could not be read. {failure}");
    assert_eq!(report.notes, [note]);
}

#[test]
fn a_page_that_cannot_be_written_is_an_error_after_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gone").join("report.html");
    let output = output(&["--json", "--html", file.to_str().unwrap()]);
    let look = look(watch::Sender::new(CancellationToken::new()));
    let ended = Runtime::new()
        .unwrap()
        .block_on(look.end(End::Complete, &output));
    let error = ended.unwrap_err().to_string();
    let start = format!("--html {}: ", file.display());
    assert!(error.starts_with(&start), "{error}");
}

/// A pipe that nobody writes to keeps the thread that opens it.
#[test]
fn the_reading_of_spans_can_be_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("spans");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let output = output(&["--spans", pipe.to_str().unwrap()]);
    let runtime = Runtime::new().unwrap();
    let going_on = watch::Sender::new(CancellationToken::new());
    let mut seen = going_on.subscribe();
    let look = look(going_on);
    let (report, failure) = runtime.block_on(async {
        let interrupt = async {
            seen.changed().await.unwrap();
            seen.borrow().cancel();
        };
        tokio::join!(look.report(End::Complete, &output), interrupt).0
    });
    assert!(failure.is_none());
    assert!(report.hops.is_none());
    let name = Path::display(&pipe);
    let note = format!("There are no hops, because you interrupted the reading of {name}.");
    assert_eq!(report.notes, [note]);
    runtime.shutdown_background();
}
