//! The handling of messages with `tracing`, each cell in a process of its own; `benches/run` runs it.
#![expect(missing_docs, reason = "what the macros make has none")]

use benches::call::JetStream;
use benches::case::{Cell, cells, traced};
use benches::client::{Amqp, Kafka, Nats};
use benches::counted::instructions;
use gungraun::prelude::*;

#[library_benchmark]
#[benches::cell(iter = cells(traced()))]
fn amqp(cell: Cell) {
    cell.measure_traced::<Amqp>();
}

#[library_benchmark]
#[benches::cell(iter = cells(traced()))]
fn kafka(cell: Cell) {
    cell.measure_traced::<Kafka>();
}

#[library_benchmark]
#[benches::cell(iter = cells(traced()))]
fn nats(cell: Cell) {
    cell.measure_traced::<Nats>();
}

#[library_benchmark]
#[benches::cell(iter = cells(traced()))]
fn jetstream(cell: Cell) {
    cell.measure_traced::<JetStream>();
}

library_benchmark_group!(name = whole, benchmarks = [amqp, kafka, nats, jetstream]);

main!(
    config = LibraryBenchmarkConfig::default()
        .env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=65535")
        .tool(instructions()),
    library_benchmark_groups = [whole]
);
