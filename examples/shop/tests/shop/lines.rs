//! The shop's telemetry code is in `telemetry.rs` alone.

use std::fs;
use std::path::Path;

/// Words of telemetry code. The names of the project's own crates are not among them: the services wrap
/// their producers and call their handlers with those.
const WORDS: [&str; 16] = [
    "opentelemetry",
    "telemetry",
    "tracer",
    "meter",
    "logger",
    "span",
    "baggage",
    "instrument",
    "propagat",
    "traceparent",
    "current_context",
    "inject(",
    "extract(",
    "counter",
    "histogram",
    "subscriber",
];

/// The lines that call `telemetry.rs`.
const CALLS: [&str; 5] = [
    "mod telemetry;",
    "use crate::telemetry::Telemetry;",
    "let _telemetry = Telemetry::start(role.name())?;",
    "use crate::telemetry;",
    "let serving = axum::serve(listener, telemetry::trace_requests(router));",
];

/// What the services name of otel-messaging: it is counted, and may be there.
const OURS: [&str; 7] = [
    "otel_messaging",
    "injectingproducer::new(",
    "with_settlement(",
    "with_batch_settlement(",
    "with_message_context(",
    "closure_in_context(",
    "job::new(",
];

/// The lines of code with one of these words.
fn lines_with(words: &[&str], file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a source file");
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let has_word = |line: &&str| {
        let line = line.to_lowercase();
        words.iter().any(|word| line.contains(word))
    };
    let lines = text.lines().filter(is_code).filter(has_word);
    lines.map(str::to_owned).collect()
}

#[test]
fn the_services_have_no_telemetry_code() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<_> = fs::read_dir(sources)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    let mut of_telemetry = 0;
    println!("lines of       telemetry otel-messaging");
    for file in &files {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let lines = lines_with(&WORDS, file);
        let ours = lines_with(&OURS, file).len();
        println!("{name:<14} {:>9} {ours:>14}", lines.len());
        match name {
            "telemetry.rs" => of_telemetry = lines.len(),
            _ => {
                let more = lines.iter().filter(|line| !CALLS.contains(&line.trim()));
                assert_eq!(more.count(), 0, "{name}: {lines:#?}");
            }
        }
    }
    assert!(of_telemetry > 10, "the words are those of telemetry code");
}
