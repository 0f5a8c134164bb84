//! Kafka on a real broker: the scenarios over each kind of producer, and what only this client has.

mod base;
mod book;
mod consuming;
mod context;
mod enqueuing;
mod faults;
mod future;
mod limits;
mod panicking;
mod queue_full;
mod relay;
mod restart;
mod returned;
mod sending;
mod sends;
mod settlement;
mod settling;
mod threaded;
mod transactions;
