//! What a shell and `man` ask the program for.

mod program;

use program::{failed, run, run_in};
use std::process::{Command, Stdio};

#[test]
fn completions_are_written_and_a_reader_may_leave() {
    let script = run(&["completions", "bash"]);
    assert_eq!(script.status, 0);
    assert!(
        script.output.contains("complete -F _otel"),
        "{}",
        script.output
    );

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut program = Command::new(env!("CARGO_BIN_EXE_otel-messaging"));
    let program = program.args(["completions", "bash"]);
    let ended = program
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!((ended.status.code(), &*ended.stderr), (Some(0), &b""[..]));
}

#[test]
fn help_and_wrong_arguments_have_colours_as_they_are_asked_for() {
    for arguments in [&["--help"][..], &["explain", "--no-such"]] {
        let colours = |more: &[&str]| {
            let arguments = [arguments, more].concat();
            let ended = run_in(&[("CLICOLOR_FORCE", "1")], &arguments, b"");
            format!("{}{}", ended.output, ended.errors).contains('\x1b')
        };
        assert!(colours(&[]), "{arguments:?}");
        assert!(!colours(&["--color", "never"]), "{arguments:?}");
    }
}

#[test]
fn the_folder_of_the_man_pages_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("share/man/man1");
    let ended = run(&["man", folder.to_str().unwrap()]);
    assert_eq!((ended.status, ended.errors.as_str()), (0, ""));
    let page = folder.join("otel-messaging-doctor-kafka.1");
    assert!(page.is_file());
    let errors = failed(&["man", page.to_str().unwrap()], b"");
    let start = format!(
        "error: the man pages cannot be written to {}: ",
        page.display()
    );
    assert!(errors.starts_with(&start), "{errors}");
}
