//! The worker pool as a program: what it prints, how it ends, and what is on the pallets after that.

use std::net::TcpListener;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

#[path = "worker_pool/on_kafka.rs"]
mod on_kafka;
#[path = "worker_pool/printed.rs"]
mod printed;
#[path = "otlp/receiver.rs"]
mod receiver;
#[path = "worker_pool/run.rs"]
mod run;
#[path = "worker_pool/started.rs"]
mod started;

use printed::Printed;
use receiver::{METRICS, Receiver, TRACES};
use started::Started;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_worker-pool"));
    for variable in [
        "KAFKA_BROKERS",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_TRACES_EXPORTER",
        "OTEL_METRICS_EXPORTER",
    ] {
        program.env_remove(variable);
    }
    program
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn over_the_embedded_kafka() {
    let output = run(&["--orders", "20", "--pack-time", "1"]);
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{complained}");
    assert_eq!(complained, "");

    let printed = Printed::read(&said);
    assert_eq!(printed.orders.len(), 20, "{said}");
    let workers: Vec<_> = printed.orders.values().map(|o| o.workers.len()).collect();
    let articles: Vec<_> = [4, 3, 2, 1].into_iter().cycle().take(20).collect();
    assert_eq!(workers, articles, "{said}");
    let mut traces: Vec<_> = printed.orders.values().map(|o| &o.trace).collect();
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(
        traces.len(),
        20,
        "each order has a trace of its own: {said}"
    );

    // 50 parcels, four to a pallet.
    let parcels: Vec<_> = printed.pallets.iter().map(|p| p.parcels.len()).collect();
    assert_eq!(parcels, [[4; 12].as_slice(), &[2]].concat(), "{said}");
    printed.assert_linked();
    let summary = said.lines().last().expect("a summary");
    let expected = "20 orders, 50 parcels, 13 pallets: ";
    assert!(summary.starts_with(expected), "{summary}");
}

#[test]
fn spans_and_metrics_go_to_the_collector() {
    let receiver = Receiver::start(&[TRACES, METRICS]);
    let mut program = program();
    program.args(["--embedded", "--orders", "2", "--pack-time", "0"]);
    program.env("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint);
    let output = program.output().expect("it runs");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));

    const SERVICE: &str = "worker-pool";
    const SCHEMA: &str = "https://opentelemetry.io/schemas/1.45.0";
    let received = receiver.received();
    let spans = [
        ("place order", ""),
        ("pack article", ""),
        ("load pallet", ""),
        ("send orders-{run}", SCHEMA),
        ("process orders-{run}", SCHEMA),
        ("store_offset orders-{run}", SCHEMA),
        ("commit orders-{run}", SCHEMA),
        ("send pallets-{run}", SCHEMA),
        ("process pallets-{run}", SCHEMA),
    ];
    let spans = spans.map(|(name, schema)| (SERVICE, name, schema));
    assert_eq!(received.spans(), receiver::named(spans));
    let metrics = [
        "messaging.client.consumed.messages",
        "messaging.client.operation.duration",
        "messaging.client.sent.messages",
        "messaging.process.duration",
        "otel_messaging.propagation.messages",
        "otel_messaging.queue_time",
    ];
    let metrics = metrics.map(|name| (SERVICE, name, SCHEMA));
    assert_eq!(received.metrics(), receiver::named(metrics));
}

#[test]
fn a_collector_that_is_not_there_is_named() {
    // Taken and let go again: free, and soon again.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("its address"));
    drop(listener);
    let mut program = program();
    program.args(["--embedded", "--orders", "1"]);
    program.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
    let output = program.output().expect("it runs");
    assert_eq!(output.status.code(), Some(0));
    let complained = text(&output.stderr);
    assert_eq!(complained.lines().count(), 1, "{complained}");
    let expected =
        format!("worker-pool: the spans and metrics did not get to the collector at {endpoint}: ");
    assert!(complained.starts_with(&expected), "{complained}");
}

/// More parcels than a span has links by default.
#[test]
fn one_worker_and_one_pallet() {
    let (one, many) = (["--workers", "1", "--waiting", "1"], ["--orders", "60"]);
    let rest = ["--room", "1000", "--pack-time", "0", "--embedded"];
    let output = run(&[one.as_slice(), &many, &rest].concat());
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = Printed::read(&said);
    let workers = printed.orders.values().flat_map(|order| &order.workers);
    assert!(workers.clone().all(|worker| worker == "1"), "{said}");
    assert_eq!(workers.count(), 150, "{said}");
    assert_eq!(printed.pallets.len(), 1, "{said}");
    printed.assert_linked();
}

/// All that was taken is packed and loaded; there is nothing to go on with, and nothing says so.
#[test]
fn an_interrupt_over_the_embedded_kafka() {
    let mut started = Started::of(program().args(["--orders", "60", "--pack-time", "50"]));
    started.lines.wait_for("pallet ");
    started.signal("-INT");
    let (printed, output) = started.end();
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{complained}");
    assert_eq!(complained, "");

    let orders = printed.orders.len();
    assert!(orders < 60, "it was not in the middle");
    let packed: usize = printed.orders.values().map(|o| o.workers.len()).sum();
    let loaded: usize = printed.pallets.iter().map(|p| p.parcels.len()).sum();
    assert_eq!(loaded, packed, "{said}");
    printed.assert_linked();
    let last = "stopped; the other orders are gone with the embedded Kafka";
    assert_eq!(said.lines().last(), Some(last), "{said}");
}

#[test]
fn no_orders_are_no_error() {
    let output = run(&["--orders", "0"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("0 orders, 0 parcels, 0 pallets"));
}

/// In one line, with the address.
#[test]
fn a_broker_that_is_not_there_is_named() {
    // It takes connections, and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = listener.local_addr().expect("its address").to_string();
    // Port 1 of loopback is nobody's.
    for address in ["127.0.0.1:1", "127.0.0.1:port", &silent] {
        let started = Instant::now();
        let output = run(&["--brokers", address]);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?}");
        let complained = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complained}");
        assert_eq!(text(&output.stdout), "");
        assert_eq!(complained.lines().count(), 1, "{complained}");
        let expected = format!("worker-pool: Kafka at {address}: ");
        assert!(complained.starts_with(&expected), "{complained}");
    }
}

#[test]
fn options_that_make_no_pool_are_refused() {
    for option in ["--workers", "--waiting", "--room"] {
        let output = run(&[option, "0"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(option));
    }
}
