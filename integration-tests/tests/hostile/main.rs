//! A hostile producer sends what it can. The consumer handles it, in a trace that is right or new,
//! goes on, and the next good message joins its sender's trace.

mod blocks;
mod child;
mod jetstream;
mod kafka;
mod large_fields;
mod names;
mod nats;
mod nats_losses;
mod rabbitmq;
mod rabbitmq_deaths;
mod sending;
mod victim;
