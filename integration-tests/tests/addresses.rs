//! A wrong address: `integration-tests/run` names it in one line and gives up soon.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

const BROKERS: [(&str, &str, &str); 3] = [
    ("RabbitMQ", "AMQP_URL", "amqp://"),
    ("Kafka", "KAFKA_BROKERS", ""),
    ("NATS", "NATS_URL", "nats://"),
];

/// Runs the script with one address set, and asserts on what it says.
fn assert_named(broker: &str, variable: &str, address: &str, shown: &str) {
    let mut run = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/run"));
    for (_, variable, _) in BROKERS {
        run.env_remove(variable);
    }
    // Without cargo on it: should the address pass for a broker, this test does not run itself.
    run.env("PATH", "/usr/bin:/bin");
    let started = Instant::now();
    let output = run
        .env(variable, address)
        .output()
        .expect("the script runs");
    let took = started.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for part in [broker, variable, shown] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(!said.contains("secret"), "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn nobody_listens() {
    for (broker, variable, scheme) in BROKERS {
        // Taken and let go again: free, and soon again.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = listener.local_addr().expect("its address");
        drop(listener);
        let address = format!("{scheme}{server}");
        assert_named(broker, variable, &address, &address);
    }
}

#[test]
fn somebody_listens_and_says_nothing() {
    for (broker, variable, scheme) in BROKERS {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = listener.local_addr().expect("its address");
        let address = format!("{scheme}{server}");
        assert_named(broker, variable, &address, &address);
    }
}

#[test]
fn the_name_does_not_resolve_and_the_password_stays_unsaid() {
    for (broker, variable, scheme) in BROKERS {
        let (user, shown) = match variable {
            "KAFKA_BROKERS" => ("", "no-such-host.invalid:1"),
            _ => ("me:secret@", "no-such-host.invalid:1"),
        };
        let address = format!("{scheme}{user}no-such-host.invalid:1");
        assert_named(broker, variable, &address, shown);
    }
}

#[test]
fn the_address_is_malformed() {
    for (broker, variable, scheme) in BROKERS {
        let address = format!("{scheme}127.0.0.1:port");
        assert_named(broker, variable, &address, &address);
    }
}
