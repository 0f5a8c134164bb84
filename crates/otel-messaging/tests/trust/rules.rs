//! Rules: in their order, by system, destination, queue and header.

use crate::program::{Program, SAMPLED, TestClient, continues, headers, message, to};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;
use otel_messaging::adapter::{Describe, Destination, TextMap};
use otel_messaging::consumer::ConsumerInfo;
use otel_messaging::instrumentation::Finding;
use otel_messaging::trust::IncomingPolicy::{Continue, RestartWithLink};
use otel_messaging::trust::{Messages, OutgoingPolicy};

const CAME: [(&str, &str); 1] = [("traceparent", SAMPLED)];

#[test]
fn the_first_rule_that_fits_counts() {
    let program = Program::new();
    let by = program
        .builder()
        .with_incoming(Messages::to("internal:public"), RestartWithLink)
        .with_incoming(Messages::to_prefix("internal:"), Continue)
        .with_incoming(Messages::to_pattern("partner.{name}.orders"), Continue)
        .with_incoming(Messages::all(), RestartWithLink)
        .build();
    for (parts, expected) in [
        (["internal", "orders", ""], true),
        (["internal", "public", ""], false),
        (["partner.acme.orders", "", ""], true),
        (["partner.acme.other", "", ""], false),
        (["internal", "a:b", ""], true),
        // The sender chooses these names.
        (["", "internal:orders", ""], false),
        (["internal:orders", "", ""], false),
        (["", "", ""], false),
    ] {
        // Twice: the second time from memory.
        for _ in 0..2 {
            assert_eq!(continues(&by, &to(parts, CAME)), expected, "{parts:?}");
        }
    }
}

/// A name that can be read in two ways is no way round a rule, whichever of them is meant.
#[test]
fn the_stricter_of_two_readings_counts() {
    let program = Program::new();
    let strict = program
        .builder()
        .with_incoming(Messages::to("orders:legacy"), RestartWithLink)
        .build();
    for parts in [["orders", "legacy", ""], ["", "orders:legacy", ""]] {
        assert!(!continues(&strict, &to(parts, CAME)), "{parts:?}");
    }
    let by = program
        .builder()
        .with_outgoing(Messages::to("partner:orders"), OutgoingPolicy::Suppress)
        .with_outgoing(Messages::to_prefix("internal:"), OutgoingPolicy::Inject)
        .with_outgoing(Messages::all(), OutgoingPolicy::TraceContextOnly)
        .build();
    for (parts, expected) in [
        (["partner", "orders", ""], OutgoingPolicy::Suppress),
        (["", "partner:orders", ""], OutgoingPolicy::Suppress),
        (["internal", "orders", ""], OutgoingPolicy::Inject),
        (
            ["", "internal:orders", ""],
            OutgoingPolicy::TraceContextOnly,
        ),
        // A reply to an address that the requester has named.
        (["internal:mine", "", ""], OutgoingPolicy::TraceContextOnly),
    ] {
        let baggage = [opentelemetry::KeyValue::new("tenant", "acme")];
        let context = opentelemetry::Context::new().with_baggage(baggage);
        let _attached = context.attach();
        let mut message = to::<&str>(parts, []);
        let outgoing = by.outgoing("send", &message);
        outgoing.inject(&mut message.headers, None);
        let told = match message.headers.len() {
            0 => OutgoingPolicy::Suppress,
            1 => OutgoingPolicy::TraceContextOnly,
            _ => OutgoingPolicy::Inject,
        };
        assert_eq!(told, expected, "{parts:?}");
    }
}

/// A reply to a queue that a requester has named.
struct Reply(&'static str);

impl Describe<TextMap> for Reply {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::temporary(self.0)
    }
}

/// A requester names the queue like something of ours.
#[test]
fn a_reply_gains_nothing_by_its_name() {
    let program = Program::new();
    let by = program
        .builder()
        .with_outgoing(Messages::to("events"), OutgoingPolicy::Inject)
        .with_outgoing(Messages::to_prefix("internal."), OutgoingPolicy::Inject)
        .with_outgoing(Messages::all(), OutgoingPolicy::Suppress)
        .build();
    for name in ["events", "internal.mine"] {
        let mut sent = headers::<&str>([]);
        // A message of the same name was sent before.
        let own = to::<&str>([name, "", ""], []);
        by.outgoing("send", &own).inject(&mut sent, None);
        assert!(sent.contains_key("traceparent"), "{name}");
        by.outgoing("send", &Reply(name)).inject(&mut sent, None);
        assert!(sent.is_empty(), "{name}: {sent:?}");
    }
}

#[test]
fn a_rule_may_look_at_a_header_and_no_further() {
    let program = Program::new();
    let own = || Messages::to_prefix("orders").with_header("X-Tenant", "own");
    let by = program
        .builder()
        .with_incoming(own(), Continue)
        .with_incoming(own().of_system("other"), Continue)
        .with_incoming(Messages::all(), RestartWithLink)
        .build();
    for (tenant, expected) in [("own", true), ("Own", false), ("", false), ("own ", false)] {
        let message = message([("traceparent", SAMPLED), ("x-tenant", tenant)]);
        assert_eq!(continues(&by, &message), expected, "{tenant:?}");
    }
    assert!(!continues(&by, &message(CAME)));
    // Two that differ are none.
    let mut twice = message(CAME);
    twice.headers.insert("x-tenant".into(), "own".into());
    twice.headers.insert("X-TENANT".into(), "other".into());
    assert!(!continues(&by, &twice));
}

#[test]
fn a_rule_about_a_queue_is_for_the_consumer_that_knows_it() {
    let program = Program::new();
    let by = program.believing(Messages::all().in_queue("internal"));
    let trace_of = |queue: &str| {
        let consumer = by.consumer(ConsumerInfo::new().with_queue(queue));
        let span = consumer.process(&message(CAME));
        span.context().span().span_context().trace_id()
    };
    let sender = crate::program::sender().trace_id();
    assert_eq!(trace_of("internal"), sender);
    assert_ne!(trace_of("partner"), sender);
    // Neither the key nor the exchange is the queue.
    assert!(!continues(&by, &to(["internal", "internal", ""], CAME)));
}

#[test]
fn what_is_sent_has_rules_of_the_same_kind() {
    let program = Program::new();
    let by = program
        .builder()
        .with_outgoing(
            Messages::all().with_header("zone", "in"),
            OutgoingPolicy::Inject,
        )
        .with_outgoing(Messages::to("orders"), OutgoingPolicy::Inject)
        .with_outgoing(Messages::all(), OutgoingPolicy::Suppress)
        .build();
    for (parts, zone, expected) in [
        (["orders", "", ""], "out", true),
        (["other", "", ""], "out", false),
        (["other", "", ""], "in", true),
    ] {
        let mut message = to(parts, [("zone", zone)]);
        let outgoing = by.outgoing("send", &message);
        outgoing.inject(&mut message.headers, None);
        assert_eq!(
            message.headers.contains_key("traceparent"),
            expected,
            "{parts:?}"
        );
    }
}

#[test]
fn the_self_check_finds_wildcards_that_mean_nothing() {
    let program = Program::new();
    let by = program
        .builder()
        .with_incoming(Messages::to_pattern("public.>"), RestartWithLink)
        .with_outgoing(Messages::to("shop:*.new"), OutgoingPolicy::Suppress)
        .build();
    let findings = by.self_check();
    let found = findings.iter().find_map(|finding| match finding {
        Finding::BrokerWildcards { names, .. } => Some((names.clone(), finding.to_string())),
        _ => None,
    });
    let (names, text) = found.expect("a finding");
    assert_eq!(names, ["public.>", "shop:*.new"]);
    assert!(text.contains("to_prefix"), "{text}");
}
