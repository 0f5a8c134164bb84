//! The texts as a person sees them, beside golden ones.

use crate::report::fixture::{assert_golden, broken, crowded, empty, hostile, sound};
use crate::report::{Report, text};
use anstream::StripStream;

/// Without colours.
fn plain(report: &Report, width: Option<u16>) -> String {
    let mut stream = StripStream::new(Vec::new());
    text::write(report, &mut stream, width).unwrap();
    String::from_utf8(stream.into_inner()).unwrap()
}

fn longest(text: &str) -> usize {
    text.lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0)
}

#[test]
fn a_broken_trace_reads_well_at_each_width() {
    for width in [80, 140] {
        let text = plain(&broken(), Some(width));
        assert!(longest(&text) <= usize::from(width), "{text}");
        assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
        assert_golden(&format!("broken.{width}.txt"), &text);
    }
}

#[test]
fn without_a_terminal_no_sentence_is_wrapped() {
    let report = broken();
    let text = plain(&report, None);
    for finding in &report.findings {
        for sentence in finding.causes.iter().chain([&finding.what, &finding.fix]) {
            assert!(text.contains(sentence.as_str()), "{sentence}\n{text}");
        }
    }
}

#[test]
fn what_is_sound_and_what_is_empty_is_short() {
    assert_golden("sound.80.txt", &plain(&sound(), Some(80)));
    assert_golden("empty.80.txt", &plain(&empty(), Some(80)));
}

#[test]
fn a_mistake_of_two_hundred_producers_is_explained_once() {
    let report = crowded();
    let text = plain(&report, Some(80));
    assert!(
        text.starts_with("All 200 producers to `orders` break the trace"),
        "{text}"
    );
    assert_eq!(
        text.matches("Enable the instrumentation").count(),
        1,
        "{text}"
    );
    assert!(text.contains("160 more producers"), "{text}");
    assert!(text.contains("and 192 more, "), "{text}");
    assert!(text.lines().count() < 90, "{text}");
}

#[test]
fn remote_text_cannot_reach_the_terminal() {
    for width in [Some(1), Some(80), Some(u16::MAX), None] {
        let mut colours = Vec::new();
        text::write(&hostile(), &mut colours, width).unwrap();
        let colours = String::from_utf8(colours).unwrap();
        // The only sequences are those that set colours.
        for sequence in colours.split('\x1b').skip(1) {
            let parameters =
                sequence.trim_start_matches(|c: char| c == '[' || c == ';' || c.is_ascii_digit());
            assert!(
                sequence.starts_with('[') && parameters.starts_with('m'),
                "{sequence:?}"
            );
        }
        let text = plain(&hostile(), width);
        let hidden = |c: char| {
            (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2066}' | '\u{200b}')
        };
        assert!(!text.contains(hidden), "{text:?}");
        assert!(!text.contains(&"x".repeat(1_001)));
        assert!(text.len() < 200_000, "{}", text.len());
    }
}

#[test]
fn colours_are_those_of_the_health() {
    let mut colours = Vec::new();
    text::write(&broken(), &mut colours, Some(80)).unwrap();
    let colours = String::from_utf8(colours).unwrap();
    assert!(
        colours.starts_with("\x1b[1m\x1b[31mAll 5 producers"),
        "{colours:?}"
    );
    let mut colours = Vec::new();
    text::write(&sound(), &mut colours, Some(80)).unwrap();
    let colours = String::from_utf8(colours).unwrap();
    assert!(
        colours.starts_with("\x1b[1m\x1b[32mThe producer"),
        "{colours:?}"
    );
    let mut disputed = sound();
    disputed.disputed = 12;
    let mut colours = Vec::new();
    text::write(&disputed, &mut colours, Some(80)).unwrap();
    let colours = String::from_utf8(colours).unwrap();
    assert!(
        colours.starts_with("\x1b[1m\x1b[33mThe producer"),
        "{colours:?}"
    );
}

#[test]
fn json_keeps_its_shape() {
    let mut json = serde_json::to_string_pretty(&broken()).unwrap();
    json.push('\n');
    assert_golden("broken.json", &json);
}

#[test]
fn a_producer_without_a_name_is_unknown() {
    let mut report = broken();
    report.destinations[0].producers[1].name.clear();
    report.findings[0].producer.clear();
    let text = plain(&report, Some(80));
    assert!(text.contains("\nunknown producer         96 "), "{text}");
    assert!(
        text.contains("orders: 96 of 96 messages, such as"),
        "{text}"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["destinations"][0]["producers"][1]["name"], "");
}
