//! Counts how often a lock is taken for a message: by hand, by ours, and by the global
//! instrumentation. `benches/locks` runs this.
//!
//! A lock of the standard library that nobody else holds is taken by one instruction, an atomic compare-and-exchange
//! of 32 bits. The compiler puts it into the function around it, so no tool sees a call. callgrind counts how often
//! each instruction is executed, and objdump tells which of them are such. The result does not depend on
//! the number of threads, nor on their luck.

mod counts;
mod instructions;

use anyhow::{Context, Result, bail};
use benches::CLIENTS;
use benches::call::{Call, Setting};
use benches::case::{Cell, Column, Work, calls, cells};
use benches::client::{Amqp, Kafka, Nats};
use clap::{Parser, Subcommand};
use counts::Counts;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// How often a lock is taken for a message.
#[derive(Parser)]
#[command(name = "locks")]
struct Arguments {
    #[command(subcommand)]
    command: Option<What>,
    /// Where callgrind may write.
    #[arg(long, default_value = "target/locks")]
    folder: PathBuf,
    /// Fail if ours takes a lock more often than by hand.
    #[arg(long)]
    check: bool,
}

#[derive(Subcommand)]
enum What {
    /// Does the work that is counted.
    #[command(hide = true)]
    Work { client: usize, cell: usize },
}

const COLUMNS: [(Column, &str); 3] = [
    (Column::Bound, "by hand"),
    (Column::Ours, "ours"),
    (Column::Default, "default"),
];

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("locks: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(What::Work { client, cell }) = arguments.command {
        work(client, cell)?;
        return Ok(ExitCode::SUCCESS);
    }
    std::fs::create_dir_all(&arguments.folder)?;
    println!("| work | client | by hand | ours | default |");
    println!("| --- | --- | ---: | ---: | ---: |");
    let mut places = Vec::new();
    let mut is_more = false;
    for (call, name) in [(Call::Process, "process"), (Call::Send, "send")] {
        for (client, (_, title)) in CLIENTS.iter().enumerate() {
            let of = |column| counted(arguments, client, call, column);
            let [by_hand, ours, default] = [
                of(Column::Bound)?,
                of(Column::Ours)?,
                of(Column::Default)?,
            ];
            let all = [&by_hand, &ours, &default].map(Counts::total);
            println!("| {name} | {title} | {:.2} | {:.2} | {:.2} |", all[0], all[1], all[2]);
            is_more |= all.iter().any(|count| *count > all[0] + 0.01);
            places.push((format!("{name}, {title}"), [by_hand, ours, default]));
        }
    }
    println!("\nWhere, in the same order:");
    for (name, counts) in places {
        println!("\n{name}");
        let functions = counts.iter().flat_map(Counts::functions);
        for function in functions.collect::<BTreeSet<_>>() {
            let of = counts.each_ref().map(|counts| counts.of(function));
            println!("  {:5.2} {:5.2} {:5.2}  {function}", of[0], of[1], of[2]);
        }
    }
    if arguments.check && is_more {
        eprintln!("locks: ours takes locks more often than by hand");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Does the work of one cell.
fn work(client: usize, cell: usize) -> Result<()> {
    let cell = cells(calls()).into_iter().nth(cell).context("no such cell")?;
    match client {
        0 => cell.measure_call::<Amqp>(),
        1 => cell.measure_call::<Kafka>(),
        2 => cell.measure_call::<Nats>(),
        _ => bail!("no such client"),
    }
    Ok(())
}

/// Lets callgrind count the work of one cell.
fn counted(arguments: &Arguments, client: usize, call: Call, column: Column) -> Result<Counts> {
    let work = Work::Call(call, Setting::Recorded);
    let is_it = |cell: &Cell| cell.row.work == work && cell.column == column;
    let mut all = cells(calls()).into_iter().enumerate();
    let (index, cell) = all.find(|(_, cell)| is_it(cell)).context("no such cell")?;
    let name = COLUMNS.iter().find(|(of, _)| *of == column);
    let (_, name) = name.context("no such column")?;
    let out = arguments.folder.join(format!("{client}-{call:?}-{name}.out"));
    let program = std::env::current_exe()?;
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["-q", "--tool=callgrind", "--dump-instr=yes"])
        .args(["--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--toggle-collect={}", benches::COUNTED))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(&program)
        .args(["work", &client.to_string(), &index.to_string()]);
    let done = valgrind.output().context("valgrind")?;
    if !done.status.success() {
        bail!("valgrind: {}", String::from_utf8_lossy(&done.stderr));
    }
    Counts::read(&out, cell.samples())
}
