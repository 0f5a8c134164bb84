//! Measures each call in a process of its own; `benches/run` runs it. Apart from what it is made of:
//! how the linker lays a program out has an effect on the counts.
#![expect(missing_docs, reason = "what the macros make has none")]

use benches::call::JetStream;
use benches::case::{Cell, calls, cells, handled};
use benches::client::{Amqp, Kafka, Nats};
use benches::counted::instructions;
use gungraun::prelude::*;

#[library_benchmark]
#[benches::cell(iter = cells(calls()))]
fn amqp(cell: Cell) {
    cell.measure_call::<Amqp>();
}

#[library_benchmark]
#[benches::cell(iter = cells(calls()))]
fn kafka(cell: Cell) {
    cell.measure_call::<Kafka>();
}

#[library_benchmark]
#[benches::cell(iter = cells(calls()))]
fn nats(cell: Cell) {
    cell.measure_call::<Nats>();
}

#[library_benchmark]
#[benches::cell(iter = cells(handled()))]
fn jetstream(cell: Cell) {
    cell.measure_handling::<JetStream>();
}

library_benchmark_group!(name = whole, benchmarks = [amqp, kafka, nats, jetstream]);

main!(
    config = LibraryBenchmarkConfig::default()
        // What a client's thread frees stays there, so that it is no matter of luck which of the
        // memory that this thread takes was in use before.
        .env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=65535")
        .tool(instructions()),
    library_benchmark_groups = [whole]
);
