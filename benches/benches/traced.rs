//! The handling of messages with `tracing`, each cell in a process of its own; `benches/run` runs it.
#![expect(missing_docs, reason = "what the macros make has none")]

use benches::COUNTED;
use benches::call::JetStream;
use benches::case::{Cell, cells, traced};
use benches::client::{Amqp, Kafka, Nats};
use gungraun::prelude::*;
use gungraun::{Callgrind, EntryPoint};

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

/// With addresses: the report finds the first instruction of `malloc` by them.
fn instructions() -> Callgrind {
    let mut callgrind = Callgrind::with_args(["--cache-sim=no", "--dump-instr=yes"]);
    callgrind.entry_point(EntryPoint::Custom(COUNTED.to_owned()));
    callgrind
}

library_benchmark_group!(name = whole, benchmarks = [amqp, kafka, nats, jetstream]);

main!(
    config = LibraryBenchmarkConfig::default()
        .env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=65535")
        .tool(instructions()),
    library_benchmark_groups = [whole]
);
