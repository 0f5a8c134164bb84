//! What is wrong is named, and what was promised waits for its end.

use crate::program::{Program, all, only};
use crate::setup::Setup;
use integration_tests::client::{address, in_time};
use integration_tests::{apply, broker_test};
use rdkafka::mocking::MockCluster;

const ROWS: &str = "SELECT count(*) FROM outbox";

/// The relay says that Kafka does not answer, keeps the row, and sends it when Kafka is back.
#[tokio::test]
async fn kafka_goes_and_comes_back() {
    let setup = Setup::embedded();
    let cluster = setup.cluster.as_ref().expect("the embedded one");
    let mut relay = setup.start(&["relay"]);
    setup.placed(7).await;
    relay.line("relay", "row 1 acknowledged by Kafka").await;

    cluster.broker_down(1).expect("down");
    let request = setup.placed(8).await;
    let failed = relay.line("span", &setup.span("send")).await;
    let complaint = relay.complaint().await;
    let expected = format!(
        "outbox: row 2 will be tried again: Kafka at {}: ",
        setup.brokers
    );
    assert!(complaint.starts_with(&expected), "{complaint}");
    assert_eq!(setup.number(ROWS).await, 1);

    cluster.broker_up(1).expect("up");
    let acknowledged = relay.line("relay", "row 2 acknowledged by Kafka").await;
    assert_eq!(acknowledged.trace, request.trace);
    failed.assert_child_of(&request);
}

/// Some open the database while others close it. What went wrong here once did so on a busy machine,
/// in one round of sixty.
#[tokio::test]
async fn a_new_database_is_opened_by_several_at_once() {
    for _ in 0..20 {
        let setup = Setup::embedded();
        let numbers = (1..=4).map(|number: u8| number.to_string());
        let place = |number: String| setup.start(&["place", "--number", &number]);
        let requests: Vec<_> = numbers.map(place).collect();
        for request in requests {
            request.success().await;
        }
        assert_eq!(setup.number(ROWS).await, 4);
    }
}

/// A message that Kafka will never take makes room for the next, and is kept with the reason.
#[tokio::test]
async fn a_message_that_is_too_large_is_put_aside() {
    let setup = Setup::embedded();
    setup.placed(7).await;
    let large = "UPDATE outbox SET payload = printf('%1100000d', 7) WHERE $1 IS NULL";
    setup.execute(large, None).await;
    let request = setup.placed(8).await;

    let relay = setup.start(&["relay", "--until-empty"]).end().await;
    assert!(relay.status.success(), "{}", relay.complaints);
    let expected = format!("outbox: row 1 is put aside: Kafka at {}: ", setup.brokers);
    assert!(
        relay.complaints.starts_with(&expected),
        "{}",
        relay.complaints
    );
    assert_eq!(relay.complaints.lines().count(), 1, "{}", relay.complaints);
    only(&relay.lines, "relay", "row 2 acknowledged by Kafka");
    let sends = setup.span("send");
    assert_eq!(all(&relay.lines, "span", &sends)[1].trace, request.trace);
    let aside = "SELECT count(*) FROM outbox WHERE id = 1 AND error LIKE '%MessageSizeTooLarge%'";
    assert_eq!(setup.number(aside).await, 1);

    let mended = "UPDATE outbox SET payload = '{}', error = $1";
    setup.execute(mended, None).await;
    let relayed = setup.relayed().await;
    only(&relayed, "relay", "row 1 acknowledged by Kafka");
}

/// What is no order of ours is left out, with a line.
#[tokio::test]
async fn a_message_that_is_no_order_is_left_out() {
    let setup = Setup::embedded();
    setup.placed(7).await;
    let broken = "UPDATE outbox SET payload = 'no order' WHERE $1 IS NULL";
    setup.execute(broken, None).await;
    setup.placed(8).await;
    setup.relayed().await;
    let consumer = setup.start(&["consume", "--messages", "2"]).end().await;
    assert!(consumer.status.success(), "{}", consumer.complaints);
    assert_eq!(
        consumer.complaints,
        "outbox: message 0 is left out: it is no order\n"
    );
    only(&consumer.lines, "consume", "order 8 invoiced, row 2");
}

/// The relay ends with its database, and the next one sends what is left.
#[apply(broker_test)]
async fn the_database_goes_and_comes_back() {
    let mut setup = Setup::private_postgres(address("KAFKA_BROKERS")).await;
    let mut relay = setup.start(&["relay"]);
    setup.placed(7).await;
    relay.line("relay", "row 1 acknowledged by Kafka").await;
    // It says so before it removes the row, which would come again otherwise.
    let removed = async { while setup.number(ROWS).await != 0 {} };
    in_time("an empty outbox", removed).await;

    setup.server.as_mut().expect("a server").kill().await;
    let complaint = relay.failure().await;
    assert!(
        complaint.contains("the database at postgres://127.0.0.1:"),
        "{complaint}"
    );

    setup.server.as_mut().expect("a server").restart().await;
    let request = setup.placed(8).await;
    let relayed = setup.relayed().await;
    only(&relayed, "span", &setup.span("send")).assert_child_of(&request);
    assert_eq!(setup.number(ROWS).await, 0);
}

#[tokio::test]
async fn a_wrong_address_is_named() {
    let cluster = MockCluster::new(1).expect("an embedded cluster");
    let brokers = cluster.bootstrap_servers();
    let nobody = "127.0.0.1:1";
    for (arguments, named) in [
        (
            &["place", "--database", "postgres://me:secret@127.0.0.1:1/x"][..],
            "the database at postgres://127.0.0.1:1/x: ",
        ),
        (
            &["place", "--database", "sqlite:/no/such/folder/outbox.db"],
            "the database at sqlite:/no/such/folder/outbox.db: ",
        ),
        (
            &["place", "--database", "outbox.db"],
            "the database at outbox.db: ",
        ),
        (
            &[
                "relay",
                "--database",
                "sqlite:/no/such/x",
                "--brokers",
                &brokers,
            ],
            "the database at sqlite:/no/such/x: ",
        ),
        (&["--brokers", nobody], "Kafka at 127.0.0.1:1: "),
    ] {
        let complaint = Program::start(arguments).failure().await;
        let expected = format!("outbox: {named}");
        assert!(complaint.starts_with(&expected), "{complaint}");
        assert!(!complaint.contains("secret"), "{complaint}");
    }
}
