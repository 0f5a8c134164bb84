//! With PostgreSQL and a real Kafka.

use crate::setup::Setup;
use crate::{crash, delivery};
use integration_tests::{apply, broker_test};

#[apply(broker_test)]
async fn one_trace() {
    let setup = Setup::postgres().await;
    delivery::one_trace(&setup).await;
    setup.close().await;
}

#[apply(broker_test)]
async fn a_rollback_leaves_neither() {
    let setup = Setup::postgres().await;
    delivery::rollback(&setup).await;
    setup.close().await;
}

#[apply(broker_test)]
async fn a_row_without_context_is_sent() {
    let setup = Setup::postgres().await;
    delivery::without_context(&setup).await;
    setup.close().await;
}

#[apply(broker_test)]
async fn killed_before_the_commit() {
    let setup = Setup::postgres().await;
    crash::request_before_its_commit(&setup).await;
    setup.close().await;
}

#[apply(broker_test)]
async fn killed_between_commit_and_publish() {
    let setup = Setup::postgres().await;
    crash::request_after_its_commit(&setup).await;
    setup.close().await;
}

#[apply(broker_test)]
async fn killed_between_acknowledgement_and_removal() {
    let setup = Setup::postgres().await;
    crash::relay_after_the_acknowledgement(&setup).await;
    setup.close().await;
}

#[apply(broker_test)]
async fn killed_before_the_offset_is_committed() {
    let setup = Setup::postgres().await;
    crash::consumer_after_its_commit(&setup).await;
    setup.close().await;
}

#[apply(broker_test)]
async fn killed_beside_another_relay() {
    let setup = Setup::postgres().await;
    crash::one_of_two_relays(&setup).await;
    setup.close().await;
}
