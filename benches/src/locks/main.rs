//! Counts how often a lock is taken for a message: by hand, by ours, and by the global
//! instrumentation. `benches/locks` runs this.
//!
//! A lock of the standard library that nobody else holds is taken by one instruction, an atomic compare-and-exchange
//! of 32 bits. The compiler puts it into the function around it, so no tool sees a call. callgrind counts how often
//! each instruction is executed, and objdump shows which instructions take locks. The result depends neither on
//! the number of threads nor on luck.

mod counts;
mod instructions;

use anyhow::{Context, Result, bail};
use benches::call::{Call, JetStream, Setting};
use benches::case::{Cell, Column, Work, calls, cells, handled};
use benches::client::{Amqp, Kafka, Nats};
use benches::report::write;
use benches::{CLIENTS, JETSTREAM};
use clap::{Parser, Subcommand};
use counts::Counts;
use instructions::Instructions;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
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
    /// The document with the tables.
    #[arg(long, default_value = "BENCHMARKS.md")]
    document: PathBuf,
    /// Write the tables into it.
    #[arg(long)]
    write: bool,
    /// Fail if ours takes locks that threads share more often than by hand, but for the client's own.
    #[arg(long, conflicts_with = "write")]
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
    let (mut lines, mut instructions) = (Vec::new(), Instructions::default());
    for (call, name) in [(Call::Process, "process"), (Call::Send, "send")] {
        for (client, (_, title)) in CLIENTS.iter().enumerate() {
            if call == Call::Send && client == JETSTREAM {
                continue;
            }
            let mut counts = Vec::new();
            for (column, of) in COLUMNS {
                let out = format!("{name}-{title}-{of}.out").replace(' ', "-");
                let out = arguments.folder.join(out);
                let messages = count(&out, client, call, column)?;
                counts.push(Counts::read(&out, messages, &mut instructions)?);
            }
            lines.push((format!("{name} | {title}"), counts));
        }
    }
    let tables = tables(&lines)?;
    println!("{tables}");
    if arguments.write {
        write(&arguments.document, "benches/locks", &tables)?;
    }
    let is_more = |counts: &Vec<Counts>| {
        let (by_hand, ours) = (counts.first(), counts.iter().skip(1));
        by_hand.is_some_and(|by_hand| ours.into_iter().any(|counts| counts.is_more(by_hand)))
    };
    if arguments.check && lines.iter().any(|(_, counts)| is_more(counts)) {
        eprintln!("locks: ours takes locks that threads share, and by hand does not; see above");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// The sums, and the functions in which ours takes locks.
fn tables(lines: &[(String, Vec<Counts>)]) -> Result<String> {
    let mut text =
        "Locks that a message takes, without the lock of its own span and without lapin's `confirm`:\n\n".to_owned();
    text.push_str("| work | client | by hand | ours | default |\n");
    text.push_str("| --- | --- | ---: | ---: | ---: |\n");
    for (name, counts) in lines {
        let shared = counts
            .iter()
            .map(|counts| format!("{:.2}", counts.shared()));
        writeln!(
            text,
            "| {name} | {} |",
            shared.collect::<Vec<_>>().join(" | ")
        )?;
    }
    text.push_str("\nWhere ours takes others than by hand, or takes them more often:\n\n");
    text.push_str("| work | client | function | by hand | ours | default |\n");
    text.push_str("| --- | --- | --- | ---: | ---: | ---: |\n");
    for (name, counts) in lines {
        let functions = counts.iter().flat_map(Counts::functions);
        for function in functions.collect::<BTreeSet<_>>() {
            let of: Vec<_> = counts.iter().map(|counts| counts.of(function)).collect();
            let most = of.iter().copied().fold(0.0, f64::max);
            if of.first().is_some_and(|by_hand| most > by_hand + 0.005) {
                let of = of.iter().map(|count| format!("{count:.2}"));
                let of = of.collect::<Vec<_>>().join(" | ");
                writeln!(text, "| {name} | `{function}` | {of} |")?;
            }
        }
    }
    Ok(text)
}

fn cells_of(client: usize) -> Vec<Cell> {
    cells(if client == JETSTREAM {
        handled()
    } else {
        calls()
    })
}

/// Does the work of one cell.
fn work(client: usize, cell: usize) -> Result<()> {
    let mut cells = cells_of(client).into_iter();
    let cell = cells.nth(cell).context("no such cell")?;
    match client {
        0 => cell.measure_call::<Amqp>(),
        1 => cell.measure_call::<Kafka>(),
        2 => cell.measure_call::<Nats>(),
        JETSTREAM => cell.measure_handling::<JetStream>(),
        _ => bail!("no such client"),
    }
    Ok(())
}

/// Lets callgrind count the work of one cell, and says for how many messages.
fn count(out: &Path, client: usize, call: Call, column: Column) -> Result<usize> {
    let work = Work::Call(call, Setting::Recorded, 0);
    let is_it = |cell: &Cell| cell.row.work == work && cell.column == column;
    let mut all = cells_of(client).into_iter().enumerate();
    let (index, cell) = all.find(|(_, cell)| is_it(cell)).context("no such cell")?;
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["-q", "--tool=callgrind", "--dump-instr=yes"])
        .args(["--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--toggle-collect={}", benches::counted::COUNTED))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["work", &client.to_string(), &index.to_string()]);
    let done = valgrind.output().context("valgrind")?;
    if !done.status.success() {
        bail!("valgrind: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(cell.samples())
}
