//! The shop's telemetry code is in `telemetry.rs` alone.

use std::fs;
use std::path::Path;

/// Words of telemetry code. The names of the project's own crates are not among them: the services wrap
/// their producers and call their handlers with those.
const WORDS: [&str; 15] = [
    "opentelemetry",
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

fn telemetry_lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a source file");
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.filter(|line| {
        let line = line.to_lowercase();
        WORDS.iter().any(|word| line.contains(word))
    })
    .map(str::to_owned)
    .collect()
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
    for file in &files {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let lines = telemetry_lines(file);
        println!("{name:<14} {}", lines.len());
        match name {
            "telemetry.rs" => of_telemetry = lines.len(),
            _ => assert!(lines.is_empty(), "{name}: {lines:#?}"),
        }
    }
    assert!(of_telemetry > 10, "the words are those of telemetry code");
}
