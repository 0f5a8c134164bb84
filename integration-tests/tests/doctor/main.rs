//! The program `otel-messaging doctor`: it sees every message that it was asked for and says what is wrong, and
//! nobody notices.

mod kafka;
mod kafka_group;
mod nats;
mod nats_stream;
mod page;
mod population;
mod program;
mod rabbitmq;
mod rabbitmq_exchange;
mod rabbitmq_queue;
mod refused;
mod report;
mod spans;
