//! The state of each hop.

use super::*;

const RECEIVE: u64 = 0x11;
const PROCESS: u64 = 0x12;

/// A consumer's span that tells the destination.
fn process(trace: u128, id: u64, parent: u64) -> Told {
    Told::new(5, trace, id, parent).with("messaging.destination.name", "orders")
}

fn states_of(text: &str) -> Joined {
    joined(text, &[message(7)], System::Kafka)
}

#[test]
fn a_child_is_joined_once_for_each_service() {
    // As kotel does: `receive` is the child of the producer's span, and `process` the child of `receive`.
    let receive = Told::new(5, TRACE, RECEIVE, SENDER);
    let text = line("shop", [Told::sender()])
        + &line("billing", [receive, process(TRACE, PROCESS, RECEIVE)])
        + &line("audit", [process(TRACE, 0x21, SENDER)]);
    let joined = states_of(&text);
    assert_eq!(
        hops(&joined),
        [
            (Some("shop"), Some("billing"), HopState::Joined, 1),
            (Some("shop"), Some("audit"), HopState::Joined, 1),
        ]
    );
    assert_eq!(joined.hops.spans, 4);
    assert_eq!(joined.hops.messages, 1);
    let trace = joined.hops.hops.first().unwrap().trace_id.clone();
    assert_eq!(trace.unwrap(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(codes(&joined.findings), []);
}

#[test]
fn a_consumer_of_the_next_message_is_not_one_of_this() {
    // `billing` sends on within its `process`, and `mail` consumes that, on a destination nobody asked for.
    let text = line("shop", [Told::sender()])
        + &line(
            "billing",
            [
                process(TRACE, PROCESS, SENDER),
                Told::new(4, TRACE, 0x13, PROCESS),
            ],
        )
        + &line("mail", [Told::new(5, TRACE, 0x21, 0x13)]);
    assert_eq!(
        hops(&states_of(&text)),
        [(Some("shop"), Some("billing"), HopState::Joined, 1)]
    );
}

#[test]
fn a_span_without_a_kind_is_a_consumer_if_its_parent_is_of_another_service() {
    let work = Told::new(1, TRACE, PROCESS, SENDER);
    let text = line("shop", [Told::sender(), Told::new(1, TRACE, 0x14, SENDER)]);
    assert_eq!(
        hops(&states_of(&text)),
        [(Some("shop"), None, HopState::NoConsumer, 1)]
    );
    let text = text + &line("billing", [work]);
    assert_eq!(
        hops(&states_of(&text)),
        [(Some("shop"), Some("billing"), HopState::Joined, 1)]
    );
}

#[test]
fn a_link_is_told_from_a_child() {
    let text = line("shop", [Told::sender()])
        + &line(
            "billing",
            [process(OTHER, PROCESS, 0).linked(TRACE, SENDER)],
        );
    let linked = states_of(&text);
    assert_eq!(
        hops(&linked),
        [(Some("shop"), Some("billing"), HopState::OnlyLinked, 1)]
    );
    assert_eq!(codes(&linked.findings), [("consumer-only-linked", 1, 1)]);

    // Java's preview: a `poll` root with a link, and a `process` child.
    let text = text
        + &line(
            "billing",
            [process(TRACE, 0x22, SENDER).linked(TRACE, SENDER)],
        );
    assert_eq!(
        hops(&states_of(&text)),
        [(Some("shop"), Some("billing"), HopState::Joined, 1)]
    );
}

#[test]
fn links_of_senders_and_settlements_are_no_consumers() {
    let send = Told::new(3, TRACE, 0x31, 0).with("messaging.operation.type", "send");
    let settle = Told::new(3, OTHER, 0x32, 0).with("messaging.operation.type", "settle");
    let text = line("shop", [Told::sender(), send.linked(TRACE, SENDER)])
        + &line("billing", [settle.linked(TRACE, SENDER)]);
    assert_eq!(
        hops(&states_of(&text)),
        [(Some("shop"), None, HopState::NoConsumer, 1)]
    );
}

#[test]
fn the_offset_proves_a_trace_of_its_own_by_each_name() {
    for (partition, offset) in [
        ("messaging.destination.partition.id", "kafka.offset"),
        (
            "messaging.destination.partition.id",
            "messaging.kafka.offset",
        ),
        (
            "messaging.kafka.destination.partition",
            "messaging.kafka.message.offset",
        ),
        (
            "messaging.kafka.partition",
            "messaging.kafka.message.offset",
        ),
    ] {
        let about = |nth: i64| {
            let own = process(OTHER, PROCESS, 0).with(partition, 0);
            line("shop", [Told::sender()]) + &line("billing", [own.with(offset, nth)])
        };
        let own = states_of(&about(7));
        assert_eq!(
            hops(&own),
            [(Some("shop"), Some("billing"), HopState::OwnTrace, 1)],
            "{offset}"
        );
        let what = &own.findings.first().unwrap().what;
        assert!(!what.contains("inferred"), "{what}");
        // Of another message it is known by the destination alone.
        let what = &states_of(&about(8)).findings.first().unwrap().what.clone();
        assert!(what.contains("inferred"), "{what}");
    }
}

#[test]
fn the_messages_id_proves_a_trace_of_its_own_if_no_other_message_has_it() {
    let mut messages = [message(1), message(2)];
    messages[0].id = Some("m-1".to_owned());
    messages[1].id = Some("m-2".to_owned());
    let own = Told::new(5, OTHER, PROCESS, 0).with("messaging.message.id", "m-2");
    let text = line("shop", [Told::sender()]) + &line("billing", [own]);
    assert_eq!(
        hops(&joined(&text, &messages, System::RabbitMq)),
        [
            (Some("shop"), None, HopState::NoConsumer, 1),
            (Some("shop"), Some("billing"), HopState::OwnTrace, 1),
        ]
    );
    messages[0].id = Some("m-2".to_owned());
    assert_eq!(
        hops(&joined(&text, &messages, System::RabbitMq)),
        [(Some("shop"), None, HopState::NoConsumer, 2)]
    );
}

#[test]
fn messages_with_one_context_are_told_apart_by_offset_and_destination() {
    let mut dead = message(1);
    dead.destination = "orders-dlq".to_owned();
    let messages = [message(7), message(8), dead];
    let one = process(TRACE, PROCESS, SENDER)
        .with("messaging.destination.partition.id", "0")
        .with("kafka.offset", 7);
    let text = line("shop", [Told::sender()]) + &line("billing", [one]);
    assert_eq!(
        hops(&joined(&text, &messages, System::Kafka)),
        [
            (Some("shop"), None, HopState::NoConsumer, 1),
            (Some("shop"), Some("billing"), HopState::Joined, 1),
            (Some("shop"), None, HopState::NoConsumer, 1),
        ]
    );
    // Without the offset: it is about a message of its destination.
    let text = line("shop", [Told::sender()]) + &line("billing", [process(TRACE, PROCESS, SENDER)]);
    assert_eq!(
        hops(&joined(&text, &messages, System::Kafka)),
        [
            (Some("shop"), Some("billing"), HopState::Joined, 2),
            (Some("shop"), None, HopState::NoConsumer, 1),
        ]
    );
}

#[test]
fn a_missing_producer_is_named_with_its_consumer_or_without() {
    let child = process(TRACE, PROCESS, SENDER);
    let text = line("billing", [child]);
    let missing = states_of(&text);
    assert_eq!(
        hops(&missing),
        [(None, Some("billing"), HopState::ProducerNotExported, 1)]
    );
    assert_eq!(
        codes(&missing.findings),
        [("producer-span-not-exported", 1, 1)]
    );
    let nothing = states_of(&line("billing", []));
    assert_eq!(
        hops(&nothing),
        [(None, None, HopState::ProducerNotExported, 1)]
    );
    let causes = |joined: &Joined| joined.findings.first().unwrap().causes.clone();
    assert!(causes(&nothing)[0].contains("of another system"));
    assert!(!causes(&missing)[0].contains("of another system"));
}

#[test]
fn unsampled_and_contextless_messages_are_no_failures_of_an_exporter() {
    let (mut unsampled, mut without) = (message(1), message(2));
    unsampled.context = unsampled
        .context
        .map(|(trace, span, _)| (trace, span, false));
    without.context = None;
    let found = joined(
        &line("shop", []),
        &[unsampled.clone(), without],
        System::Kafka,
    );
    assert_eq!(
        hops(&found),
        [
            (None, None, HopState::Unsampled, 1),
            (None, None, HopState::NoContext, 1),
        ]
    );
    assert_eq!(codes(&found.findings), [("parent-unsampled", 1, 2)]);
    // If the span is there all the same, it counts.
    let text = line("shop", [Told::sender()]) + &line("billing", [process(TRACE, PROCESS, SENDER)]);
    assert_eq!(
        hops(&joined(&text, &[unsampled], System::Kafka)),
        [(Some("shop"), Some("billing"), HopState::Joined, 1)]
    );
}

#[test]
fn a_circle_of_parents_ends() {
    let text = line("shop", [Told::sender()])
        + &line(
            "billing",
            [process(TRACE, 0x41, 0x42), process(TRACE, 0x42, 0x41)],
        );
    assert_eq!(
        hops(&states_of(&text)),
        [(Some("shop"), None, HopState::NoConsumer, 1)]
    );
}
