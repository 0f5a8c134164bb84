//! What each client emits, held against the conventions and against the page that lists it.
//!
//! The tests of the clients send and handle messages on real brokers, and compare every span,
//! log event and metric with the text in `golden/`. `listed` compares these texts with the core's `CONVENTIONS.md` and
//! with the names of the conventions, so it needs no broker. To write the texts anew, set
//! `GOLDEN=write`, and read the difference.

mod celery;
mod envelope;
mod golden;
mod kafka;
mod listed;
mod nats;
mod otlp;
mod page;
mod rabbitmq;
mod recorder;
