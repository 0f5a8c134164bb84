//! What is delivered and in which trace, on any database.

use crate::program::{all, only};
use crate::setup::Setup;

/// From the request to the invoice, through three programs.
pub(crate) async fn one_trace(setup: &Setup) {
    let request = setup.placed(7).await;
    let relayed = setup.relayed().await;
    let send = only(&relayed, "span", &setup.span("send"));
    send.assert_child_of(&request);
    let consumed = setup.consumed(1).await;
    let process = only(&consumed, "span", &setup.span("process"));
    process.assert_handles(send);
    let invoiced = only(&consumed, "consume", "order 7 invoiced, row 1");
    assert_eq!(invoiced.span, process.span);
}

/// The order that is refused last leaves no message.
pub(crate) async fn rollback(setup: &Setup) {
    let refused = setup.start(&["place", "--number", "7", "--count", "101"]);
    let complaint = refused.failure().await;
    assert_eq!(complaint, "outbox: order 7: no 101 tea in stock\n");
    assert_eq!(setup.number("SELECT count(*) FROM orders").await, 0);
    assert_eq!(setup.number("SELECT count(*) FROM outbox").await, 0);

    setup.placed(8).await;
    setup.relayed().await;
    let consumed = setup.consumed(1).await;
    assert!(
        consumed
            .iter()
            .any(|line| line.what.starts_with("order 8 invoiced"))
    );
}

/// What cannot be read is no context: the message goes all the same, in its place, and starts a
/// trace.
pub(crate) async fn without_context(setup: &Setup) {
    let request = setup.placed(7).await;
    // JSON without a context is counted by the library, and no reason to complain.
    let contexts = [
        (None, false),
        (Some(""), true),
        (Some("not JSON"), true),
        (Some("[]"), false),
        (Some(r#"{"traceparent": 7}"#), false),
        (Some("{}"), false),
        (Some(r#"{"traceparent": "00-not-a-parent-01"}"#), false),
    ];
    for (context, _) in contexts {
        let insert = "INSERT INTO outbox (topic, key, payload, context)
                      SELECT topic, key, payload, $1 FROM outbox WHERE id = 1";
        setup.execute(insert, context).await;
    }
    let relay = setup.start(&["relay", "--until-empty"]).end().await;
    assert!(relay.status.success(), "{}", relay.complaints);
    let mut complaints = relay.complaints.lines();
    for (row, (context, complains)) in (2..).zip(contexts) {
        if complains {
            let complaint = complaints.next().expect("a complaint");
            let expected = format!("outbox: the context of row {row} is none: ");
            assert!(complaint.starts_with(&expected), "{context:?}: {complaint}");
        }
    }
    assert_eq!(complaints.next(), None);

    let sent = setup.span("send");
    let sends = all(&relay.lines, "span", &sent);
    assert_eq!(sends.len(), 1 + contexts.len());
    sends[0].assert_child_of(&request);
    let consumed = setup.consumed(sends.len()).await;
    let process = setup.span("process");
    for (index, process) in all(&consumed, "span", &process).into_iter().enumerate() {
        process.assert_handles(sends[index]);
        let same = sends.iter().filter(|send| send.trace == process.trace);
        assert_eq!(same.count(), 1, "a trace of its own");
        assert!(index == 0 || sends[index].parent.is_none());
    }
}
