//! A flood of hostile messages for each client, and policies that do not believe their senders: what goes out, what
//! is recorded and what is held in memory.

mod amqp;
mod checks;
mod client;
mod expected;
mod flood;
mod house;
mod kafka;
mod message;
mod metrics;
mod nats;
mod policy;
mod random;
mod sends;
mod spans;

use benches::client::{Amqp, Kafka, Nats};

#[test]
fn a_flood_of_deliveries_gains_nothing() {
    flood::withstand::<Amqp>(1);
}

#[test]
fn a_flood_of_records_gains_nothing() {
    flood::withstand::<Kafka>(2);
}

#[test]
fn a_flood_on_subjects_gains_nothing() {
    flood::withstand::<Nats>(3);
}
