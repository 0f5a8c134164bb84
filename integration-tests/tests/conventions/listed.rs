//! The page lists what the golden texts have, and nothing else; and its names are the conventions'.

use crate::golden::{Case, Head, read};
use crate::page::{Page, Registry};
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const CLIENTS: [&str; 5] = ["rabbitmq", "celery", "kafka", "nats", "envelope"];

fn all() -> impl Iterator<Item = (&'static str, Vec<Case>)> {
    CLIENTS.into_iter().map(|client| (client, read(client)))
}

#[test]
fn everything_that_is_emitted_is_listed() {
    let page = Page::read();
    for (client, cases) in all() {
        assert!(!cases.is_empty(), "{client}");
        page.assert_lists(client, &cases);
    }
}

#[test]
fn everything_that_is_listed_is_emitted() {
    let missing = never_emitted(&Page::read());
    assert!(missing.is_empty(), "{missing:#?}");
}

/// What no span has, though the page lists it.
fn never_emitted(page: &Page) -> Vec<String> {
    let mut missing = Vec::new();
    for (client, cases) in all() {
        let emitted = cases.iter().flat_map(|case| &case.emitted);
        let spans = emitted.filter(|it| matches!(it.head, Head::Span { .. }));
        let found: BTreeSet<_> = spans
            .flat_map(|span| {
                let names = span.attributes.iter().map(|(name, _)| name);
                names.map(|name| (span.operation(), name))
            })
            .collect();
        for row in page.own_attributes(client) {
            for operation in row.places() {
                let is_found = |(at, name): &(&str, &String)| *at == operation && row.is_of(name);
                if !found.iter().any(is_found) {
                    missing.push(format!("{client}: {operation} never has {}", row.name));
                }
            }
        }
    }
    missing
}

/// The page with another row in place of the first that begins so.
fn page_with(row: &str, in_place: &str) -> Page {
    let text = Page::text();
    let line = text.lines().find(|line| line.starts_with(row));
    let line = line.expect("the row");
    Page::parse(&text.replacen(line, in_place, 1))
}

#[test]
fn a_difference_names_its_attribute() {
    let page = page_with(
        "| `kafka.offset` |",
        "| `kafka.key` | r | r | r | r | - | kafka | never |",
    );
    let of_kafka = |operation| format!("kafka: {operation} never has kafka.key");
    let expected = ["forward", "process", "receive", "send"].map(of_kafka);
    assert_eq!(never_emitted(&page), expected);

    let cases = read("kafka");
    let checked = catch_unwind(AssertUnwindSafe(|| page.assert_lists("kafka", &cases)));
    let panic = checked.expect_err("the page does not list the offset");
    let message: &String = panic.downcast_ref().expect("a message");
    let expected = "kafka.offset is emitted, and the page does not list it under send";
    assert!(message.contains(expected), "{message}");
}

/// The constants of the core, without the schema's URL.
fn constants() -> BTreeSet<String> {
    let path = "../crates/otel-messaging/src/telemetry/semconv.rs";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let source = fs::read_to_string(path).expect("the constants");
    let texts = source.split("&str =").skip(1);
    let texts = texts.map(|rest| rest.split('"').nth(1).expect("a text").to_owned());
    texts.filter(|text| !text.starts_with("https:")).collect()
}

#[test]
fn the_core_has_a_constant_for_each_name() {
    let page = Page::read();
    let clients = CLIENTS.into_iter().filter(|client| *client != "celery");
    let attributes = clients.flat_map(|client| page.own_attributes(client));
    let attributes = attributes
        .chain(page.metric_attributes())
        .map(|row| row.name);
    let attributes = attributes.chain(page.event_attributes().into_iter().map(|row| row.name));
    let names = attributes.chain(page.metrics().into_iter().map(|row| row.name));
    let names = names.chain(page.events().into_iter().map(|row| row.name));
    let names: BTreeSet<_> = names.map(|name| name.replace("{name}", "")).collect();
    assert_eq!(names, constants());
}

#[test]
fn every_metric_and_attribute_of_it_that_is_listed_is_emitted() {
    let page = Page::read();
    let mut found = BTreeSet::new();
    let mut outcomes = BTreeSet::new();
    for (_, cases) in all() {
        for emitted in cases.iter().flat_map(|case| &case.emitted) {
            let Head::Metric { name: metric, .. } = &emitted.head else {
                continue;
            };
            for (name, _) in &emitted.attributes {
                found.insert((metric.clone(), name.clone()));
            }
            let outcome = emitted.attribute("otel_messaging.propagation.outcome");
            outcomes.extend(outcome.map(ToOwned::to_owned));
        }
    }
    let mut listed = BTreeSet::new();
    for row in page.metric_attributes() {
        for metric in row.places() {
            listed.insert((metric.to_owned(), row.name.clone()));
        }
    }
    assert_eq!(found, listed, "metrics and their attributes");
    let metrics: BTreeSet<_> = found.into_iter().map(|(metric, _)| metric).collect();
    let listed: BTreeSet<_> = page.metrics().into_iter().map(|row| row.name).collect();
    assert_eq!(metrics, listed, "metrics");
    assert_eq!(outcomes, page.outcomes(), "outcomes of propagation");
}

#[test]
fn every_event_and_attribute_of_it_that_is_listed_is_emitted() {
    let page = Page::read();
    let (mut events, mut attributes) = (BTreeSet::new(), BTreeSet::new());
    for (_, cases) in all() {
        for emitted in cases.iter().flat_map(|case| &case.emitted) {
            if let Head::Event { name, .. } = &emitted.head {
                events.insert(name.clone());
                attributes.extend(emitted.attributes.iter().map(|(name, _)| name.clone()));
            }
        }
    }
    let listed = page.events().into_iter().map(|row| row.name);
    assert_eq!(events, listed.collect(), "events");
    let listed = page.event_attributes().into_iter().map(|row| row.name);
    assert_eq!(attributes, listed.collect(), "attributes of events");
}

#[test]
fn names_are_the_conventions_or_our_own() {
    let (page, registry) = (Page::read(), Registry::read());
    let attributes = CLIENTS
        .into_iter()
        .flat_map(|client| page.own_attributes(client));
    let attributes = attributes.chain(page.metric_attributes());
    let attributes = attributes.chain(page.event_attributes());
    let attributes = attributes.map(|row| ("attr", row.name, row.source));
    let metrics = page.metrics().into_iter();
    let metrics = metrics.map(|row| ("metric", row.name, row.source));
    let mut objections = Vec::new();
    let events = page.events().into_iter();
    let events = events.map(|row| ("event", row.name, row.source));
    for (kind, name, source) in attributes.chain(metrics).chain(events) {
        objections.extend(registry.objection(kind, &name, &source));
    }
    assert!(objections.is_empty(), "{objections:#?}");
}

#[test]
fn a_name_that_does_not_fit_is_found() {
    let registry = Registry::read();
    for (kind, name, source) in [
        ("attr", "messaging.system", "spans"),
        ("attr", "messaging.kafka.offset", "kafka"),
        ("attr", "messaging.nats.stream", "ours"),
        ("attr", "kafka.offset", "ours"),
        ("attr", "shop.order", "spans"),
        ("metric", "messaging.publish.duration", "metrics"),
        ("metric", "kafka.offset", "metrics"),
    ] {
        assert!(registry.objection(kind, name, source).is_some(), "{name}");
    }
}
