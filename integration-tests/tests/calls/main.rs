//! The tables of calls in the adapters' READMEs, beside the clients' sources and this project's
//! tests.

mod claim;
mod client;
mod difference;
mod made_up;
mod names;
mod outside;
mod source;
mod surface;
mod table;

use client::{ASYNC_NATS, Client, LAPIN, RDKAFKA};
use source::Source;

#[test]
fn every_call_of_lapin_is_in_its_table_or_its_list() {
    assert_all_listed(&LAPIN);
}

#[test]
fn every_call_of_rdkafka_is_in_its_table_or_its_list() {
    assert_all_listed(&RDKAFKA);
}

#[test]
fn every_call_of_async_nats_is_in_its_table_or_its_list() {
    assert_all_listed(&ASYNC_NATS);
}

#[test]
fn every_call_in_the_table_of_lapin_is_tested() {
    assert_all_claimed(&LAPIN);
}

#[test]
fn every_call_in_the_table_of_rdkafka_is_tested() {
    assert_all_claimed(&RDKAFKA);
}

#[test]
fn every_call_in_the_table_of_async_nats_is_tested() {
    assert_all_claimed(&ASYNC_NATS);
}

#[test]
fn every_test_calls_what_it_says() {
    assert_none(&difference::unfounded(&claim::claims()));
}

fn assert_all_listed(client: &Client) {
    let surface = surface::surface(&Source::of_package(client.package));
    let (table, outside) = (client.table(), client.outside());
    assert_none(&difference::differences(client, &surface, &table, &outside));
}

fn assert_all_claimed(client: &Client) {
    let (table, claims) = (client.table(), claim::claims());
    let mut found = difference::unclaimed(client, &table, &claims);
    found.extend(difference::unlisted(client, &table, &claims));
    assert_none(&found);
}

/// All at once, so that a new release of a client is one round of work.
fn assert_none(found: &[String]) {
    assert!(
        found.is_empty(),
        "{} lines:\n{}",
        found.len(),
        found.join("\n")
    );
}
