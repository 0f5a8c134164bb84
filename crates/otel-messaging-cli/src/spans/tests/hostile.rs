//! Files without spans, files that are cut off, and hostile files.

use super::*;
use crate::spans::SpansFrom;
use crate::spans::file::read_file;
use indicatif::ProgressBar;
use proptest::prelude::*;
use std::io::Write;

fn index() -> Index {
    Index::new(Wanted::new(&[message(7)], System::Kafka))
}

fn failure(text: &str) -> String {
    read(text.as_bytes(), &mut index()).unwrap_err().to_string()
}

#[test]
fn what_is_no_spans_is_named_with_its_line() {
    for (text, line) in [
        ("", "line 1: expected spans"),
        ("hello", "line 1: expected spans"),
        ("<!doctype html>", "line 1: expected spans"),
        ("\n\n{\"name\": \"x\"}\n", "line 3: expected spans"),
        ("\n{\"resourceLogs\": []}", "line 2: expected spans"),
        (
            "{\"resource",
            "line 1: EOF while parsing a string; expected spans",
        ),
    ] {
        let failure = failure(text);
        assert!(failure.starts_with(line), "{failure}");
    }
    let good = line("shop", [Told::sender()]);
    for (text, expected) in [
        (format!("{good}{good}oops\n"), "line 3: expected spans"),
        (
            format!("{good}\n{{\"resourceSpans\":\n\n7}}"),
            "line 5: invalid type",
        ),
        (format!("{good}{{\"a\" 1}}"), "line 2: expected `:`"),
    ] {
        let failure = failure(&text);
        assert!(failure.starts_with(expected), "{failure}");
    }
}

#[test]
fn a_file_is_named_in_its_error_and_read_with_progress() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"spans: []").unwrap();
    let progress = ProgressBar::hidden();
    let error = read_file(file.path(), &mut index(), &progress).unwrap_err();
    let expected = format!("{}: line 1: expected spans", file.path().display());
    assert!(error.to_string().starts_with(&expected), "{error}");

    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text = line("shop", [Told::sender()]);
    file.write_all(text.as_bytes()).unwrap();
    let mut index = index();
    read_file(file.path(), &mut index, &progress).unwrap();
    index.sort();
    assert_eq!(index.read(), 1);
    assert_eq!(progress.position(), text.len() as u64);

    let missing = SpansFrom::File("/no/such/spans.json".into());
    let error = read_file(
        "/no/such/spans.json".as_ref(),
        &mut self::index(),
        &progress,
    );
    assert!(
        error
            .unwrap_err()
            .to_string()
            .starts_with(&format!("{missing}: No such file"))
    );
}

#[test]
fn a_file_that_is_being_written_is_read_as_far_as_it_goes() {
    let text = line("shop", [Told::sender()]) + &line("billing", [Told::new(5, TRACE, 1, SENDER)]);
    let whole = line("shop", [Told::sender()]).len();
    for cut in whole + 1..text.len() - 1 {
        let mut index = index();
        let ending = read(&text.as_bytes()[..cut], &mut index).unwrap();
        assert_eq!(ending, Ending::CutOff, "{cut}");
        index.sort();
        assert!(index.find(TRACE, SENDER).is_some());
    }
}

#[test]
fn deep_nesting_ends_in_an_error() {
    for open in ["[", "{\"resourceSpans\":", "{\"result\":"] {
        let text = open.repeat(100_000);
        let failure = failure(&text);
        assert!(failure.contains("recursion limit"), "{failure}");
    }
    // In a value that is skipped it is only skipped.
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let text = format!(r#"{{"deep":{deep},"resourceSpans":[]}}"#);
    assert!(read(text.as_bytes(), &mut index()).is_ok());
}

#[test]
fn spans_of_other_traces_are_forgotten() {
    let spans = |count: u64| {
        (1..=count)
            .map(|nth| Told::new(2, OTHER + u128::from(nth), nth, 0).with("service.name", "x"))
    };
    let mut index = index();
    let text = line("web", spans(1000)) + &line("shop", [Told::sender()]);
    read(text.as_bytes(), &mut index).unwrap();
    index.sort();
    assert_eq!((index.read(), index.spans.len()), (1001, 1));
}

#[test]
fn links_and_texts_of_one_span_are_cut() {
    let link = json!({"traceId": format!("{OTHER:032x}"), "spanId": "0000000000000001"});
    let mut links = vec![link; 10_000];
    links.push(json!({"traceId": format!("{TRACE:032x}"), "spanId": format!("{SENDER:016x}")}));
    let mut told = Told::new(5, OTHER, 5, 0);
    told.0["links"] = links.into();
    let mut index = index();
    read(
        line(&"ä".repeat(5000), [told, Told::sender()]).as_bytes(),
        &mut index,
    )
    .unwrap();
    // The last link is not among the first 10,000.
    assert!(index.links.is_empty());
    let service = index.spans.first().unwrap().service;
    assert_eq!(index.names.text(service).unwrap(), "ä".repeat(255));
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes[..], &mut index());
    }

    /// A file in which some bytes are others, and that ends anywhere.
    #[test]
    fn damaged_files_do_no_harm(
        form in 0..3,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
    ) {
        let text = match form {
            0 => line("shop", [Told::sender().with("kafka.offset", 7), Told::new(5, OTHER, 1, 0).linked(TRACE, SENDER)]),
            1 => super::forms::JAEGER.to_owned(),
            _ => r#"{"name":"x","context":{"trace_id":"0x01","span_id":"0x01"},"kind":"SpanKind.PRODUCER","parent_id":null}"#.to_owned(),
        };
        let mut bytes = text.into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(end.index(bytes.len() + 1));
        let mut index = index();
        let _ = read(&bytes[..], &mut index);
        index.sort();
        let joined = hops::join(&index, &[message(7)], |_| true, String::new());
        let messages: u64 = joined.hops.hops.iter().map(|hop| hop.messages).sum();
        prop_assert!(messages >= 1);
    }
}
