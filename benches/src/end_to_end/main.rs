//! What a message costs end to end, on real brokers: by the bare client, with a span by hand, and by
//! the adapter. `benches/end-to-end` starts the brokers and runs this.

mod amqp;
mod drive;
mod jetstream;
mod kafka;
mod line;
mod nats;
mod scenario;
mod site;
mod spans;
mod table;

use anyhow::{Context, Result};
use benches::report::write;
use clap::Parser;
use drive::{Effort, line};
use line::Line;
use site::{Addresses, Site};
use std::path::PathBuf;
use std::process::ExitCode;

/// Messages per second and allocations, end to end: the bare client, a span by hand, and the adapter.
#[derive(Parser)]
#[command(name = "end-to-end")]
struct Arguments {
    #[command(flatten)]
    addresses: Addresses,
    /// How often each way is measured; the ways take turns.
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How many messages a measurement has, at most 60000; without it, a number for each row.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    messages: Option<u32>,
    /// What was measured on, for the tables.
    #[arg(long, default_value = "an unnamed machine")]
    machine: String,
    /// The document with the tables.
    #[arg(long, default_value = "BENCHMARKS.md")]
    document: PathBuf,
    /// Write the tables into it.
    #[arg(long)]
    write: bool,
    /// One round of few messages: whether everything works and no payload is copied, and no rates.
    #[arg(long, conflicts_with_all = ["write", "rounds", "messages"])]
    check: bool,
}

/// The rows. Each one measures itself.
const ROWS: [fn(&Site, Effort) -> Result<Line>; 10] = [
    line::<amqp::Publishing<false>>,
    line::<amqp::Publishing<true>>,
    line::<kafka::FutureSending>,
    line::<kafka::BaseSending>,
    line::<nats::Publishing>,
    line::<jetstream::Publishing>,
    line::<amqp::Consuming>,
    line::<kafka::Consuming>,
    line::<nats::Subscribing>,
    line::<jetstream::Pulling>,
];

fn main() -> ExitCode {
    match measure(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            // In one line, with its causes.
            eprintln!("end-to-end: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: Arguments) -> Result<ExitCode> {
    let effort = if arguments.check {
        Effort::CHECK
    } else {
        Effort {
            rounds: arguments.rounds.into(),
            messages: arguments.messages.map(usize::try_from).transpose()?,
        }
    };
    let site = Site::new(arguments.addresses)?;
    let mut lines = Vec::new();
    for row in ROWS {
        let line = row(&site, effort)?;
        if arguments.check {
            eprintln!("{}: works", line.name);
        } else {
            eprintln!("{}", table::shortly(&line));
        }
        lines.push(line);
    }
    let tables = table::tables(&lines, &arguments.machine)?;
    if !arguments.check {
        println!("{tables}");
    }
    if arguments.write {
        write(&arguments.document, "benches/end-to-end", &tables)
            .context("the tables could not be written")?;
    }
    let mut code = ExitCode::SUCCESS;
    for line in lines.iter().filter(|line| !line.leaves_the_payload()) {
        eprintln!(
            "end-to-end: {}: allocated bytes grow with the payload: {:.0?}",
            line.name, line.payloads
        );
        code = ExitCode::FAILURE;
    }
    Ok(code)
}
