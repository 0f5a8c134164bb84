//! The pipeline as a program: what it prints, and how it ends.

use std::env;
use std::ffi::OsStr;
use std::net::TcpListener;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const BROKERS: [(&str, &str, &str, &str); 3] = [
    ("RabbitMQ", "AMQP_URL", "--amqp-url", "amqp://"),
    ("Kafka", "KAFKA_BROKERS", "--kafka-brokers", ""),
    ("NATS", "NATS_URL", "--nats-url", "nats://"),
];

/// Runs it; it ends within 10 seconds.
fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Output {
    let mut pipeline = Command::new(env!("CARGO_BIN_EXE_pipeline"));
    pipeline.env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
    let started = Instant::now();
    let output = pipeline.args(arguments).output().expect("it runs");
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    output
}

fn assert_one_trace(output: &Output, sends: &str) {
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{complained}");
    assert_eq!(complained, "");
    let chain = [
        ("place order", "shop"),
        (sends, "shop"),
        ("process orders", "checkout"),
        ("send invoices", "checkout"),
        ("process invoices", "billing"),
        (" parcels", "billing"),
        ("process parcels", "shipping"),
        ("print label", "shipping"),
    ];
    // Each a level deeper than the one before.
    for (depth, (row, (span, service))) in said.lines().skip(2).zip(chain).enumerate() {
        assert!(row.contains(span) && row.contains(service), "{row}");
        let name = row.chars().position(char::is_alphabetic);
        assert_eq!(name, Some(1 + 2 * depth), "{row}");
    }
    let trace_id = said.split("trace id ").nth(1).expect("a trace id");
    let carried = format!("traceparent: 00-{}-", &trace_id[..32]);
    assert_eq!(said.matches(&carried).count(), 3, "{said}");
}

#[test]
fn over_the_embedded_kafka() {
    assert_one_trace(&run(&["--embedded"]), "send orders");
}

#[test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
fn over_the_three_brokers() {
    let output = run(&with_addresses(None));
    assert_one_trace(&output, "publish orders");
    let said = text(&output.stdout);
    for (broker, ..) in BROKERS {
        assert!(said.contains(&format!(", over {broker} at ")), "{said}");
    }
}

#[test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
fn a_broker_that_is_not_there_is_named() {
    for broker in 0..3 {
        // Taken and let go again: free, and soon again.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = listener.local_addr().expect("its address").to_string();
        drop(listener);
        assert_named(broker, &server);
    }
}

#[test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
fn a_broker_that_says_nothing_is_named() {
    for broker in 0..3 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = listener.local_addr().expect("its address").to_string();
        assert_named(broker, &server);
    }
}

#[test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
fn a_malformed_address_is_named() {
    for broker in 0..3 {
        assert_named(broker, "127.0.0.1:port");
    }
}

/// What was asked to be encrypted does not go in clear text.
#[test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
fn a_broker_without_tls_is_named() {
    for (broker, scheme, encrypted) in [(0, "amqp://", "amqps://"), (2, "nats://", "tls://")] {
        let plain = address(BROKERS[broker].1).replacen(scheme, encrypted, 1);
        assert_address_named(broker, &plain);
    }
}

fn assert_named(broker: usize, server: &str) {
    let scheme = BROKERS[broker].3;
    assert_address_named(broker, &format!("{scheme}{server}"));
}

/// Asserts on the one line that names the broker and its address, the others being right.
fn assert_address_named(broker: usize, address: &str) {
    let name = BROKERS[broker].0;
    let shown = address.rsplit('@').next().unwrap_or(address);
    let output = run(&with_addresses(Some((broker, address))));
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{complained}");
    assert_eq!(said, "");
    assert_eq!(complained.lines().count(), 1, "{complained}");
    for part in [name, shown] {
        assert!(complained.contains(part), "{part} is not in: {complained}");
    }
}

/// `--brokers` with the addresses of the environment, but for one.
fn with_addresses(changed: Option<(usize, &str)>) -> Vec<String> {
    let mut arguments = vec!["--brokers".to_owned()];
    for (index, (_, variable, option, _)) in BROKERS.into_iter().enumerate() {
        let address = match changed {
            Some((changed, address)) if changed == index => address.to_owned(),
            _ => address(variable),
        };
        arguments.extend([option.to_owned(), address]);
    }
    arguments
}

fn address(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set"))
}

#[test]
fn help_is_complete() {
    let output = run(&["--help"]);
    let said = text(&output.stdout);
    for (_, variable, option, _) in BROKERS {
        assert!(said.contains(variable) && said.contains(option), "{said}");
    }
    for part in [
        "--brokers",
        "--embedded",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "Exit status",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
