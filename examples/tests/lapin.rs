//! The programs for lapin, where RabbitMQ does not answer: what they print, and how they end.

use std::net::TcpListener;
use std::process::Command;

const PROGRAMS: [(&str, &str); 2] = [
    ("lapin-producer", env!("CARGO_BIN_EXE_lapin-producer")),
    ("lapin-consumer", env!("CARGO_BIN_EXE_lapin-consumer")),
];

fn assert_named(address: &str) {
    for (name, program) in PROGRAMS {
        let output = Command::new(program).env("AMQP_URL", address).output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complained}");
        assert_eq!(said, "");
        assert_eq!(complained.lines().count(), 1, "{complained}");
        assert!(complained.starts_with(name), "{complained}");
        let shown = address.rsplit('@').next().unwrap_or(address);
        assert!(complained.contains(shown), "{complained}");
        assert!(!complained.contains("secret"), "{complained}");
    }
}

/// They are still connecting when they end.
#[test]
fn a_broker_that_says_nothing_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = listener.local_addr().expect("its address");
    assert_named(&format!("amqp://guest:secret@{server}"));
}

#[test]
fn a_broker_that_is_not_there_is_named() {
    // Taken and let go again: free, and soon again.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = listener.local_addr().expect("its address").to_string();
    drop(listener);
    assert_named(&format!("amqp://guest:secret@{server}"));
}
