//! The page is whole, escaped and without anything from outside.

use super::{Page, can_be_written, write};
use crate::report::Report;
use crate::report::fixture::{broken, crowded, empty, hostile, sound};
use askama::Template;
use std::path::PathBuf;

fn page(report: &Report) -> String {
    Page::of(report).render().unwrap()
}

/// The values of an attribute.
fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let start = format!(" {name}=\"");
    let values = page.split(start.as_str()).skip(1);
    values.map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn everything_of_the_report_is_there() {
    let report = broken();
    let page = page(&report);
    for text in [
        "<title>orders: 70.6% valid – otel-messaging</title>",
        "<h1>All 5 producers to <code><bdi>orders</bdi></code> break the trace: 424 of 600 messages have",
        "<dt>Findings</dt><dd>5 errors, 1 warning and 1 note</dd>",
        "aria-label=\"12 valid, 40 malformed\"",
        "<i class=\"malformed\" style=\"width:76.923%\"></i>",
        "checkout to orders: with a context.",
        "orders to billing: 352 joined, 12 trace of its own, 9 producer&#39;s span not exported, 127 no context.",
        "<code><bdi>user.id</bdi></code></td><td class=\"number\">388</td><td class=\"number\">1</td>",
        "<td>W3C Trace Context 412</td><td>large-context 4, missing 3, unsampled 60</td>",
        "It began at 2026-11-30T09:12:44Z and took 2.3s. It ended: all messages that were asked for were read.",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    // Two producers share the first finding.
    assert_eq!(
        page.matches("<details class=\"finding ").count(),
        report.findings.len() - 1
    );
    assert_eq!(page.matches("<svg class=\"diagram\"").count(), 1);
    for note in &report.notes {
        assert!(page.contains(&note.replace('\'', "&#39;")), "{note}");
    }
}

#[test]
fn readers_that_differ_are_a_warning() {
    let mut report = sound();
    assert!(page(&report).contains("<div class=\"good\"><dt>Valid</dt><dd>100%</dd>"));
    report.disputed = 12;
    let page = page(&report);
    assert!(
        page.contains("<div class=\"doubtful\"><dt>Valid</dt><dd>100%</dd>"),
        "{page}"
    );
    assert!(
        page.contains(" 12 of them are not read by every other service"),
        "{page}"
    );
}

#[test]
fn without_spans_producers_point_to_the_destination() {
    let mut report = broken();
    report.hops = None;
    let page = page(&report);
    assert!(
        page.contains("key pay-… to orders: 12 valid, 40 malformed."),
        "{page}"
    );
    assert!(!page.contains("By the spans"), "{page}");
    report.destinations[0].producers[1].name.clear();
    report.findings[0].producer.clear();
    let page = self::page(&report);
    for text in [
        "unknown producer to orders: 96 missing.",
        "<bdi>unknown producer</bdi></td>",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
}

#[test]
fn nothing_is_taken_from_outside_and_nothing_runs() {
    for report in [broken(), sound(), empty(), hostile(), crowded()] {
        let page = page(&report);
        assert_eq!(attributes(&page, "href"), ["data:,"]);
        assert_eq!(attributes(&page, "src"), [""; 0]);
        for absent in [
            "<script",
            "<img",
            "<iframe",
            "<object",
            "@import",
            "url(",
            " onerror=\"",
            " onload=\"",
        ] {
            assert!(!page.contains(absent), "{absent}");
        }
        assert!(
            page.contains(
                "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\""
            )
        );
    }
}

#[test]
fn remote_text_stays_text() {
    let page = page(&hostile());
    assert!(
        page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"),
        "{page}"
    );
    assert!(page.contains("{{ 7 * 7 }}{% include"), "{page}");
    assert!(page.contains(r"\u{1b}[2J"), "{page}");
    let hidden = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2066}' | '\u{200b}')
    };
    assert!(!page.contains(hidden));
    assert!(!page.contains(&"x".repeat(1_001)));
    // Every tag is one of the templates'.
    for tag in page.split('<').skip(1) {
        let name: String = tag
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '!'))
            .collect();
        let name = name.trim_start_matches('/');
        let known = [
            "!doctype", "html", "head", "meta", "link", "title", "style", "body", "header", "p",
            "span", "h1", "h2", "h3", "code", "bdi", "div", "i", "ul", "li", "ol", "dl", "dt",
            "dd", "main", "section", "details", "summary", "table", "thead", "tbody", "tr", "th",
            "td", "br", "svg", "desc", "g", "path", "rect", "text", "footer",
        ];
        assert!(
            known.contains(&name),
            "{name:?} in <{}",
            tag.chars().take(60).collect::<String>()
        );
    }
    assert!(page.len() < 1_000_000, "{}", page.len());
}

#[test]
fn two_hundred_producers_are_all_listed_and_some_are_drawn() {
    let page = page(&crowded());
    assert_eq!(page.matches("<th scope=\"row\">").count(), 200);
    assert!(
        page.contains("<summary>185 more producers</summary>"),
        "{page}"
    );
    assert_eq!(page.matches("<details class=\"finding ").count(), 1);
    assert!(page.contains("189 more to orders: "), "{page}");
}

#[test]
fn a_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, "old ".repeat(100_000)).unwrap();
    write(&broken(), &file).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), page(&broken()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_written_is_named_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent").join("report.html");
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    for file in [&absent, &taken, &PathBuf::from("..")] {
        let early = can_be_written(file).unwrap_err().to_string();
        let error = write(&broken(), file).unwrap_err().to_string();
        let start = format!("--html {}: the page cannot be written: ", file.display());
        assert!(early.starts_with(&start), "{early}");
        assert!(error.starts_with(&start), "{error}");
    }
    can_be_written(&folder.path().join("new")).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
