//! What it takes to get one trace: the first programs, before and after.

use similar::{ChangeTag, TextDiff};
use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, id};

/// The lines that differ, and nothing else does.
#[test]
fn two_lines_make_the_difference() {
    for (client, before, after) in [
        (
            "lapin",
            ["handle(&delivery).await;"],
            [
                "let channel = otel_messaging_lapin::InjectingProducer::new(channel);",
                "otel_messaging_lapin::with_message_context(&delivery, handle).await;",
            ],
        ),
        (
            "rdkafka",
            ["handle(&message).await;"],
            [
                "let producer = otel_messaging_rdkafka::InjectingProducer::new(producer);",
                "otel_messaging_rdkafka::with_message_context(&message, handle).await;",
            ],
        ),
        (
            "async-nats",
            ["handle(&message).await;"],
            [
                "let client = otel_messaging_async_nats::InjectingProducer::new(client);",
                "otel_messaging_async_nats::with_message_context(&message, handle).await;",
            ],
        ),
    ] {
        let text = |program| {
            let manifest = env!("CARGO_MANIFEST_DIR");
            fs::read_to_string(format!("{manifest}/first/{client}/{program}.rs")).expect("a file")
        };
        let (old, new) = (text("before"), text("after"));
        let diff = TextDiff::from_lines(&old, &new);
        let changes = |tag| {
            let changes = diff.iter_all_changes().filter(move |c| c.tag() == tag);
            changes.map(|c| c.value().trim()).collect::<Vec<_>>()
        };
        assert_eq!(changes(ChangeTag::Delete), before, "{client}");
        assert_eq!(changes(ChangeTag::Insert), after, "{client}");
    }
}

/// How many spans a program has, and which traces they are in.
fn run(program: &str, what: &str) -> (usize, BTreeSet<String>) {
    let output = Command::new(program)
        .arg(format!("first-{what}-{}", id()))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}{complained}");
    assert!(said.contains("an invoice for order 7"), "{said}");
    let traces = said.lines().filter_map(|line| {
        let (label, id) = line.split_once(':')?;
        (label.trim() == "TraceId").then(|| id.trim().to_owned())
    });
    (said.matches("Span #").count(), traces.collect())
}

/// The order and its invoice, apart and then in one trace with the message between them.
#[test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
fn the_order_and_its_invoice_are_one_trace() {
    for (before, after) in [
        (
            env!("CARGO_BIN_EXE_lapin-before"),
            env!("CARGO_BIN_EXE_lapin-after"),
        ),
        (
            env!("CARGO_BIN_EXE_rdkafka-before"),
            env!("CARGO_BIN_EXE_rdkafka-after"),
        ),
        (
            env!("CARGO_BIN_EXE_async-nats-before"),
            env!("CARGO_BIN_EXE_async-nats-after"),
        ),
    ] {
        let (spans, traces) = run(before, "before");
        assert_eq!((spans, traces.len()), (2, 2), "{before}");
        let (spans, traces) = run(after, "after");
        assert_eq!((spans, traces.len()), (4, 1), "{after}");
    }
}
