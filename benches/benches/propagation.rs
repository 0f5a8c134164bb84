//! Measures each cell in a process of its own; `benches/run` runs it.
#![expect(missing_docs, reason = "what the macros make has none")]

use benches::case::{Cell, WITHOUT_USUAL, cells, growing, rows};
use benches::client::{Amqp, Kafka, Nats};
use benches::counted::instructions;
use gungraun::prelude::*;

#[library_benchmark]
#[benches::cell(iter = cells(rows()))]
fn amqp(cell: Cell) {
    cell.measure::<Amqp>();
}

#[library_benchmark]
#[benches::cell(iter = cells(rows()))]
fn kafka(cell: Cell) {
    cell.measure::<Kafka>();
}

#[library_benchmark]
#[benches::cell(iter = cells(rows()))]
fn nats(cell: Cell) {
    cell.measure::<Nats>();
}

#[library_benchmark]
#[benches::cell(iter = cells(growing()))]
fn amqp_growth(cell: Cell) {
    cell.measure::<Amqp>();
}

#[library_benchmark]
#[benches::cell(iter = cells(growing()))]
fn kafka_growth(cell: Cell) {
    cell.measure::<Kafka>();
}

#[library_benchmark]
#[benches::cell(iter = cells(growing()))]
fn nats_growth(cell: Cell) {
    cell.measure::<Nats>();
}

library_benchmark_group!(name = table, benchmarks = [amqp, kafka, nats]);

library_benchmark_group!(
    name = growth,
    benchmarks = [amqp_growth, kafka_growth, nats_growth]
);

main!(
    config = LibraryBenchmarkConfig::default()
        .pass_through_env(WITHOUT_USUAL)
        .tool(instructions()),
    library_benchmark_groups = [table, growth]
);
