//! How the shop fails: one line that names what was wrong.

use crate::program::{bare, text};
use integration_tests::client::{address, in_time};
use integration_tests::{apply, broker_test};
use std::net::TcpListener;

/// A port on which nobody listens: it is for TCPMUX, which no system starts.
const CLOSED: u16 = 1;

#[apply(broker_test)]
async fn a_broker_that_does_not_answer_is_named() {
    let port = CLOSED;
    for (variable, wrong, named) in [
        (
            "AMQP_URL",
            format!("amqp://guest:secret@127.0.0.1:{port}/%2f"),
            "RabbitMQ at amqp://127.0.0.1",
        ),
        (
            "KAFKA_BROKERS",
            format!("127.0.0.1:{port}"),
            "Kafka at 127.0.0.1",
        ),
        (
            "NATS_URL",
            format!("nats://user:secret@127.0.0.1:{port}"),
            "NATS at nats://127.0.0.1",
        ),
    ] {
        let mut shop = bare();
        for broker in ["AMQP_URL", "KAFKA_BROKERS", "NATS_URL"] {
            shop.env(broker, address(broker));
        }
        let ended = in_time("its end", shop.env(variable, &wrong).output()).await;
        let output = ended.expect("it runs");
        let complained = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complained}");
        assert!(complained.starts_with("shop: "), "{complained}");
        assert!(
            complained.contains(&format!("{named}:{port}")),
            "{complained}"
        );
        assert!(!complained.contains("secret"), "{complained}");
        assert_eq!(complained.lines().count(), 1, "{complained}");
    }
}

#[tokio::test]
async fn a_wrong_argument_is_named() {
    let output = bare().arg("--ser").output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--ser"));
}

#[tokio::test]
async fn a_wrong_prefix_is_named() {
    let output = bare().args(["--prefix", "a b"]).output().await;
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let complained = text(&output.stderr);
    assert!(
        complained.contains("'a b' for '--prefix <TEXT>'"),
        "{complained}"
    );
}

#[tokio::test]
async fn a_wrong_filter_of_log_lines_is_named() {
    let mut shop = bare();
    shop.arg("customers").env("RUST_LOG", "shop=inof");
    let output = in_time("its end", shop.output()).await.expect("it runs");
    let complained = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complained}");
    assert!(
        complained.starts_with("shop customers: RUST_LOG=shop=inof: "),
        "{complained}"
    );
    assert_eq!(complained.lines().count(), 1, "{complained}");
}

#[apply(broker_test)]
async fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("its address").to_string();
    let _held = TcpListener::bind(&taken);
    let mut shop = bare();
    shop.args(["gateway", "--listen", &taken]);
    shop.env("AMQP_URL", address("AMQP_URL"));
    let output = in_time("its end", shop.output()).await.expect("it runs");
    let complained = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complained}");
    assert!(
        complained.starts_with(&format!("shop gateway: {taken}: ")),
        "{complained}"
    );
}
