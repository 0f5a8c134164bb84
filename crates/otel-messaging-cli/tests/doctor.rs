//! The command `doctor`, where it fails before it looks.

mod program;

use program::failed;

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
