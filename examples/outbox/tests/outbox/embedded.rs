//! With SQLite and the Kafka in librdkafka: what needs nothing to be installed.

use crate::program::{Program, only};
use crate::setup::Setup;
use crate::{crash, delivery};

#[tokio::test]
async fn one_trace() {
    delivery::one_trace(&Setup::embedded()).await;
}

#[tokio::test]
async fn a_rollback_leaves_neither() {
    delivery::rollback(&Setup::embedded()).await;
}

#[tokio::test]
async fn a_row_without_context_is_sent() {
    delivery::without_context(&Setup::embedded()).await;
}

#[tokio::test]
async fn killed_before_the_commit() {
    crash::request_before_its_commit(&Setup::embedded()).await;
}

#[tokio::test]
async fn killed_between_commit_and_publish() {
    crash::request_after_its_commit(&Setup::embedded()).await;
}

#[tokio::test]
async fn killed_between_acknowledgement_and_removal() {
    crash::relay_after_the_acknowledgement(&Setup::embedded()).await;
}

#[tokio::test]
async fn killed_beside_another_relay() {
    crash::one_of_two_relays(&Setup::embedded()).await;
}

/// All three in one process, as a newcomer runs it.
#[tokio::test]
async fn together() {
    let lines = Program::start(&[]).success().await;
    let request = only(&lines, "span", "place order");
    assert_eq!(request.parent, None);
    let send = only(&lines, "span", "send orders");
    send.assert_child_of(request);
    let process = only(&lines, "span", "process orders");
    process.assert_handles(send);
    assert!(lines.iter().all(|line| line.trace == request.trace));
}
