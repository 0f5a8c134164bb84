//! The command `doctor`, where it fails before it looks.

mod program;

use program::{failed, run};

const KAFKA: [&str; 6] = ["doctor", "kafka", "-b", "localhost:9", "-t", "orders"];

#[test]
fn what_cannot_be_read_or_written_is_told_before_the_look() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let absent = format!("{folder}/absent/file");
    for (option, value, what) in [
        ("--spans", absent.as_str(), "No such file or directory"),
        ("--spans", folder, "is a directory"),
        ("--spans", "http://", "empty host"),
        ("--spans", "http://127.0.0.1:9", "no answer: "),
        (
            "--html",
            absent.as_str(),
            "the page cannot be written: No such file",
        ),
        (
            "--html",
            folder,
            "the page cannot be written: is a directory",
        ),
    ] {
        let arguments = [&KAFKA[..], &[option, value]].concat();
        let errors = failed(&arguments, b"");
        let start = format!("error: {option} {value}: {what}");
        assert!(errors.starts_with(&start), "{errors}");
    }
}

#[test]
fn help_has_the_exit_statuses_and_the_variable_of_the_token() {
    for arguments in [
        &["doctor"][..],
        &["doctor", "kafka"],
        &["doctor", "rabbitmq"],
        &["doctor", "nats"],
    ] {
        let help = run(&[arguments, &["--help"]].concat()).output;
        assert!(
            help.contains("Exit status:\n  0  the report is written"),
            "{help}"
        );
        let is_system = arguments.len() == 2;
        assert_eq!(
            help.contains("OTEL_MESSAGING_SPANS_TOKEN"),
            is_system,
            "{help}"
        );
    }
}
