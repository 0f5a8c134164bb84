//! The pipeline as a program: what it prints, and how it ends.

#[path = "otlp/receiver.rs"]
mod receiver;

use receiver::{METRICS, Receiver, TRACES};
use std::collections::BTreeMap;
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
    run_with(arguments, &[])
}

/// The same with variables of the environment.
fn run_with<S: AsRef<OsStr>>(arguments: &[S], variables: &[(&str, &str)]) -> Output {
    let mut pipeline = Command::new(env!("CARGO_BIN_EXE_pipeline"));
    for variable in [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_TRACES_EXPORTER",
        "OTEL_METRICS_EXPORTER",
    ] {
        pipeline.env_remove(variable);
    }
    pipeline.envs(variables.iter().copied());
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
    let output = run(&["--embedded"]);
    assert_one_trace(&output, "send orders");
    // Nobody asked for metrics.
    assert!(!text(&output.stdout).contains("messaging."));
}

#[test]
fn metrics_of_the_embedded_kafka() {
    let output = run(&["--embedded", "--metrics"]);
    assert_one_trace(&output, "send orders");
    assert_metrics(&text(&output.stdout), &EMBEDDED);
}

/// A hop in the table of metrics.
struct Measured {
    send: &'static str,
    destination: &'static str,
    has_queue_time: bool,
}

const EMBEDDED: [Measured; 3] = [
    Measured::by("send", "orders"),
    Measured::by("send", "invoices"),
    Measured::by("send", "parcels"),
];

const REAL: [Measured; 3] = [
    Measured {
        // Messages on RabbitMQ have a time only if the sender sets one.
        has_queue_time: false,
        ..Measured::by("publish", "orders-{run}")
    },
    Measured::by("send", "invoices-{run}"),
    Measured::by("publish", "parcels-{run}"),
];

impl Measured {
    const fn by(send: &'static str, destination: &'static str) -> Self {
        Self {
            send,
            destination,
            has_queue_time: true,
        }
    }
}

/// Asserts on the table: each message is sent once, and handled once in its sender's trace.
fn assert_metrics(said: &str, hops: &[Measured; 3]) {
    let (_, table) = said.split_once("\n service   metric ").expect("a table");
    let mut rows = BTreeMap::new();
    for row in table.lines().skip(2) {
        let mut cells = row.split_whitespace().map(str::to_owned);
        let key: [String; 4] = std::array::from_fn(|_| cells.next().expect(row));
        let value = cells.collect::<Vec<_>>().join(" ");
        assert!(rows.insert(key, value).is_none(), "{row}");
    }
    let services = ["shop", "checkout", "billing", "shipping"];
    for (hop, measured) in hops.iter().enumerate() {
        let (from, to, send) = (services[hop], services[hop + 1], measured.send);
        let mut expected = vec![
            (from, "messaging.client.sent.messages", send, "1"),
            (
                from,
                "messaging.client.operation.duration",
                send,
                "1 mean ms",
            ),
            (to, "messaging.client.consumed.messages", "process", "1"),
            (to, "messaging.process.duration", "process", "1 mean ms"),
            (
                to,
                "otel_messaging.propagation.messages",
                "process",
                "1 extracted",
            ),
        ];
        if measured.has_queue_time {
            expected.push((to, "otel_messaging.queue_time", "process", "1 mean ms"));
        }
        for (service, metric, operation, expected) in expected {
            let key = [service, metric, measured.destination, operation].map(str::to_owned);
            let value = rows
                .remove(&key)
                .unwrap_or_else(|| panic!("no {key:?}: {said}"));
            // The mean is another each time.
            let is_mean = |part: &&str| part.contains('.') && part.parse::<f64>().is_ok();
            let parts: Vec<_> = value.split(' ').filter(|part| !is_mean(part)).collect();
            assert_eq!(parts.join(" "), expected, "{key:?}");
        }
    }
    assert!(rows.is_empty(), "{rows:?}");
}

const SCHEMA: &str = "https://opentelemetry.io/schemas/1.45.0";

#[test]
fn spans_and_metrics_go_to_the_collector() {
    let receiver = Receiver::start(&[TRACES, METRICS]);
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint.as_str())];
    let output = run_with(&["--embedded"], &variables);
    assert_one_trace(&output, "send orders");

    let received = receiver.received();
    let spans = received.spans();
    let mut expected = vec![("shop", "place order", ""), ("shipping", "print label", "")];
    let metrics = received.metrics();
    let mut expected_metrics = Vec::new();
    for (from, to, what) in [
        ("shop", "checkout", ["send orders", "process orders"]),
        ("checkout", "billing", ["send invoices", "process invoices"]),
        ("billing", "shipping", ["send parcels", "process parcels"]),
    ] {
        expected.extend([(from, what[0], SCHEMA), (to, what[1], SCHEMA)]);
        expected_metrics.extend([
            (from, "messaging.client.operation.duration", SCHEMA),
            (from, "messaging.client.sent.messages", SCHEMA),
            (to, "messaging.client.consumed.messages", SCHEMA),
            (to, "messaging.process.duration", SCHEMA),
            (to, "otel_messaging.propagation.messages", SCHEMA),
            (to, "otel_messaging.queue_time", SCHEMA),
        ]);
    }
    assert_eq!(spans, receiver::named(expected));
    assert_eq!(metrics, receiver::named(expected_metrics));
}

#[test]
fn a_collector_that_is_not_there_is_named() {
    // Taken and let go again: free, and soon again.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("its address"));
    drop(listener);
    let output = run_with(
        &["--embedded", "--metrics"],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)],
    );
    assert_eq!(output.status.code(), Some(0));
    let complained = text(&output.stderr);
    assert_eq!(complained.lines().count(), 1, "{complained}");
    let expected =
        format!("pipeline: the spans and metrics did not get to the collector at {endpoint}: ");
    assert!(complained.starts_with(&expected), "{complained}");
    // Nothing else depends on it.
    assert_metrics(&text(&output.stdout), &EMBEDDED);
}

/// As Jaeger is.
#[test]
fn a_collector_of_spans_alone_is_named_or_spared() {
    let receiver = Receiver::start(&[TRACES]);
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint.as_str());
    let output = run_with(&["--embedded"], &[endpoint]);
    assert_eq!(output.status.code(), Some(0));
    let complained = text(&output.stderr);
    let expected = "pipeline: the metrics did not get to the collector at ";
    assert!(complained.starts_with(expected), "{complained}");
    assert_eq!(receiver.received().spans().len(), 8);

    let spared = [endpoint, ("OTEL_METRICS_EXPORTER", "none")];
    assert_one_trace(&run_with(&["--embedded"], &spared), "send orders");
}

#[test]
#[cfg_attr(
    not(feature = "brokers"),
    ignore = "needs brokers: integration-tests/run"
)]
fn over_the_three_brokers() {
    let mut arguments = with_addresses(None);
    arguments.push("--metrics".to_owned());
    let output = run(&arguments);
    assert_one_trace(&output, "publish orders");
    let said = text(&output.stdout);
    assert_metrics(&said, &REAL);
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
        "--metrics",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "Exit status",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
