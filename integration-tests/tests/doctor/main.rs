//! The program `otel-messaging`, on real brokers.

mod population;
mod report;
