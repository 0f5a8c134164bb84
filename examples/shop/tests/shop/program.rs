//! The shop as a process.

use integration_tests::client::address;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long anything may take. JetStream gives a message again after 30 seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// The shop on the tests' brokers, with names of its own, exporting to `collector`.
pub(crate) fn shop(prefix: &str, collector: &str) -> Command {
    let mut shop = bare();
    shop.args(["--prefix", prefix]);
    for broker in ["AMQP_URL", "KAFKA_BROKERS", "NATS_URL"] {
        shop.env(broker, address(broker));
    }
    shop.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector);
    shop
}

/// The shop without an environment that says anything to it.
pub(crate) fn bare() -> Command {
    let mut shop = Command::new(env!("CARGO_BIN_EXE_shop"));
    for (name, _) in std::env::vars() {
        let is_read = ["OTEL_", "RUST_LOG", "AMQP_URL", "KAFKA_BROKERS", "NATS_URL"];
        if is_read.iter().any(|read| name.starts_with(read)) {
            shop.env_remove(name);
        }
    }
    shop.stdin(Stdio::null()).kill_on_drop(true);
    shop
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
