//! What is delivered when one of the programs is killed, on any database.

use crate::program::{all, only};
use crate::setup::Setup;

const ORDERS: &str = "SELECT count(*) FROM orders";
const ROWS: &str = "SELECT count(*) FROM outbox";
const INVOICES: &str = "SELECT count(*) FROM invoices";

/// Neither the order nor its message.
pub(crate) async fn request_before_its_commit(setup: &Setup) {
    let mut request = setup.start(&["place", "--stop-at", "written"]);
    let killed = request.line("place", "order 7 written, row 1").await;
    request.killed_at("written").await;

    // Whatever was left of it would be sent before this.
    let request = setup.placed(8).await;
    assert_ne!(request.trace, killed.trace);
    let relayed = setup.relayed().await;
    only(&relayed, "span", &setup.span("send")).assert_child_of(&request);
    let consumed = setup.consumed(1).await;
    assert_eq!(
        only(&consumed, "span", &setup.span("process")).trace,
        request.trace
    );
    assert_eq!(setup.number(ORDERS).await, 1);
    assert_eq!(setup.number(ROWS).await, 0);
    let stock = "SELECT count FROM stock";
    assert_eq!(setup.number(stock).await, 97);
}

/// A relay that has never seen the request sends its message, in its trace.
pub(crate) async fn request_after_its_commit(setup: &Setup) {
    let mut request = setup.start(&["place", "--stop-at", "committed"]);
    let committed = request.line("place", "order 7 committed").await;
    request.killed_at("committed").await;
    assert_eq!(setup.number(ROWS).await, 1);

    let relayed = setup.relayed().await;
    let send = only(&relayed, "span", &setup.span("send"));
    send.assert_child_of(&committed);
    let consumed = setup.consumed(1).await;
    only(&consumed, "span", &setup.span("process")).assert_handles(send);
    assert_eq!(setup.number(ROWS).await, 0);
    assert_eq!(setup.number(INVOICES).await, 1);
}

/// The message is sent again, both times in the trace of the request; it is handled once.
pub(crate) async fn relay_after_the_acknowledgement(setup: &Setup) {
    let request = setup.placed(7).await;
    let mut relay = setup.start(&["relay", "--stop-at", "acknowledged"]);
    let first = relay.line("span", &setup.span("send")).await;
    relay.killed_at("acknowledged").await;
    assert_eq!(setup.number(ROWS).await, 1);

    let relayed = setup.relayed().await;
    let second = only(&relayed, "span", &setup.span("send"));
    assert_ne!(first.span, second.span);
    first.assert_child_of(&request);
    second.assert_child_of(&request);

    let consumed = setup.consumed(2).await;
    let process = setup.span("process");
    let [one, other] = all(&consumed, "span", &process)[..] else {
        panic!("{consumed:#?}");
    };
    one.assert_handles(&first);
    other.assert_handles(second);
    only(&consumed, "consume", "order 7 invoiced, row 1");
    let again = only(&consumed, "consume", "row 1 was seen before");
    assert_eq!(again.span, other.span);
    assert_eq!(setup.number(ROWS).await, 0);
    assert_eq!(setup.number(INVOICES).await, 1);
}

/// The message comes again, in the trace of the request; it is handled once.
pub(crate) async fn consumer_after_its_commit(setup: &Setup) {
    setup.placed(7).await;
    let relayed = setup.relayed().await;
    let send = only(&relayed, "span", &setup.span("send"));
    let mut consumer = setup.start(&["consume", "--stop-at", "invoiced"]);
    let first = consumer.line("span", &setup.span("process")).await;
    consumer.killed_at("invoiced").await;
    assert_eq!(setup.number(INVOICES).await, 1);

    let consumed = setup.consumed(1).await;
    only(&consumed, "consume", "row 1 was seen before");
    first.assert_handles(send);
    only(&consumed, "span", &setup.span("process")).assert_handles(send);
    assert_eq!(setup.number(INVOICES).await, 1);
}

/// The second relay sends nothing while there is the first, and everything when that is killed.
pub(crate) async fn one_of_two_relays(setup: &Setup) {
    for number in 7..10 {
        setup.placed(number).await;
    }
    let mut first = setup.start(&["relay", "--stop-at", "acknowledged"]);
    first.line("span", &setup.span("send")).await;
    let mut second = setup.start(&["relay", "--until-empty"]);
    second.line("relay", "waits for the end of another").await;
    first.killed_at("acknowledged").await;
    second.success().await;

    let consumed = setup.consumed(4).await;
    let steps = consumed.iter().filter(|line| line.who == "consume");
    let steps: Vec<_> = steps.map(|line| line.what.as_str()).collect();
    let expected = [
        "order 7 invoiced, row 1",
        "row 1 was seen before",
        "order 8 invoiced, row 2",
        "order 9 invoiced, row 3",
    ];
    assert_eq!(steps, expected);
}
