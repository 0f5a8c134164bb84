//! What is looked at of subjects, and what their subscribers notice.

use crate::program::{counts, refuses, start};
use async_nats::client::RequestErrorKind;
use async_nats::{Client, Request};
use futures_util::StreamExt;
use integration_tests::client::{address, in_time, unique};
use integration_tests::nats::connect;
use integration_tests::{apply, broker_test};
use std::time::Duration;

/// Once a request finds somebody who could answer, the doctor is subscribed. Returns how many requests it saw.
async fn subscribed(client: &Client, subject: &str) -> u64 {
    loop {
        let request = Request::new()
            .payload("probe".into())
            .timeout(Some(Duration::from_millis(50)));
        let asked = client.send_request(subject.to_owned(), request).await;
        match asked.expect_err("nobody answers").kind() {
            RequestErrorKind::NoResponders => tokio::task::yield_now().await,
            RequestErrorKind::TimedOut => return 1,
            other => panic!("{other}"),
        }
    }
}

#[apply(broker_test)]
async fn a_queue_group_still_gets_each_message_once() {
    let (client, url) = (connect().await, address("NATS_URL"));
    let root = unique("orders");
    let subject = format!("{root}.new");
    let mut members = Vec::new();
    for _ in 0..2 {
        let member = client
            .queue_subscribe(subject.clone(), "billing".to_owned())
            .await;
        members.push(member.expect("a subscription"));
    }
    let pattern = format!("{root}.>");
    // Two patterns that match the same messages.
    let place = [
        "nats",
        "--server",
        &url,
        "--subject",
        &pattern,
        "--subject",
        &subject,
    ];
    let look = start(&[&place[..], &["--for", "3s", "--json"]].concat());
    let probes = subscribed(&client, &format!("{root}.probe")).await;
    for _ in 0..50 {
        client
            .publish(subject.clone(), "order".into())
            .await
            .expect("published");
    }
    assert_eq!(
        counts(&look.report().await),
        (50 + probes, "time".to_owned())
    );
    let mut members = futures_util::stream::select_all(members);
    for _ in 0..50 {
        in_time("a message", members.next())
            .await
            .expect("a message");
    }
    // A last message comes behind all others.
    client
        .publish(subject.clone(), "last".into())
        .await
        .expect("published");
    let next = in_time("a message", members.next())
        .await
        .expect("a message");
    assert_eq!(&next.payload[..], b"last");
}

#[apply(broker_test)]
async fn a_look_ends_at_its_bounds_and_by_an_interruption() {
    let (client, url) = (connect().await, address("NATS_URL"));
    let subject = unique("orders");
    let place = [
        "nats",
        "--server",
        &url,
        "--subject",
        &subject,
        "--for",
        "60s",
        "--json",
    ];
    let look = start(&[&place[..], &["--max", "3"]].concat());
    let probes = subscribed(&client, &subject).await;
    for _ in probes..3 {
        client
            .publish(subject.clone(), "order".into())
            .await
            .expect("published");
    }
    client.flush().await.expect("sent");
    assert_eq!(counts(&look.report().await), (3, "max".to_owned()));

    let look = start(&place);
    let probes = subscribed(&client, &subject).await;
    look.interrupt().await;
    let begin = std::time::Instant::now();
    let (messages, end) = counts(&look.report().await);
    let time = begin.elapsed();
    // The probe may still be on its way.
    assert!(
        messages <= probes && end == "interrupted",
        "{messages} {end}"
    );
    assert!(time < Duration::from_millis(1_500), "{time:?}");
}

#[apply(broker_test)]
async fn what_cannot_be_listened_on_is_refused() {
    let url = address("NATS_URL");
    let place = ["nats", "--server", &url, "--subject"];
    let refused = async |subject: &str, more: &[&str], named: &[&str]| {
        refuses(&[&place[..], &[subject], more].concat(), named).await;
    };
    refused("orders new", &[], &["--subject", "orders new"]).await;
    refused(
        "orders",
        &["--since", "2001-09-09T01:46:40Z"],
        &["--since", "--stream"],
    )
    .await;
    let absent = unique("absent");
    refuses(
        &["nats", "--server", &url, "--stream", &absent],
        &[&absent, "--stream"],
    )
    .await;
}
