//! With SQLite and a real Kafka.

use crate::setup::Setup;
use crate::{crash, delivery};
use integration_tests::{apply, broker_test};

#[apply(broker_test)]
async fn one_trace() {
    delivery::one_trace(&Setup::sqlite()).await;
}

#[apply(broker_test)]
async fn killed_before_the_commit() {
    crash::request_before_its_commit(&Setup::sqlite()).await;
}

#[apply(broker_test)]
async fn killed_between_commit_and_publish() {
    crash::request_after_its_commit(&Setup::sqlite()).await;
}

#[apply(broker_test)]
async fn killed_between_acknowledgement_and_removal() {
    crash::relay_after_the_acknowledgement(&Setup::sqlite()).await;
}

#[apply(broker_test)]
async fn killed_before_the_offset_is_committed() {
    crash::consumer_after_its_commit(&Setup::sqlite()).await;
}

#[apply(broker_test)]
async fn killed_beside_another_relay() {
    crash::one_of_two_relays(&Setup::sqlite()).await;
}
