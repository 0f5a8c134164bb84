//! Holds the tables of calls in the adapters' READMEs against the clients' sources.

mod client;
mod difference;
mod names;
mod outside;
mod source;
mod surface;
mod table;

use client::Client;
use source::Source;

#[test]
fn every_call_of_lapin_is_in_its_table_or_its_list() {
    assert_all_listed("lapin");
}

#[test]
fn every_call_of_rdkafka_is_in_its_table_or_its_list() {
    assert_all_listed("rdkafka");
}

#[test]
fn every_call_of_async_nats_is_in_its_table_or_its_list() {
    assert_all_listed("async-nats");
}

/// Names all differences at once, so that a new release of a client is one round of work.
fn assert_all_listed(package: &'static str) {
    let client = Client { package };
    let surface = surface::surface(&Source::of_package(package));
    let found = difference::differences(&client, &surface, &client.table(), &client.outside());
    assert!(
        found.is_empty(),
        "{} lines:\n{}",
        found.len(),
        found.join("\n")
    );
}
