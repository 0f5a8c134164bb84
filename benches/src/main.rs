//! Reads what gungraun has counted, shows it, keeps it, and says what has become worse.

use anyhow::Result;
use benches::report::{Kept, Results, write};
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// The counts of the last run of the benchmarks: tables, kept counts and a verdict.
/// `benches/run` calls it.
#[derive(Parser)]
struct Arguments {
    /// gungraun's folder of results.
    #[arg(long, default_value = "target/gungraun/benches")]
    results: PathBuf,
    /// What was measured on, for the tables.
    #[arg(long, default_value = "an unnamed machine")]
    machine: String,
    /// The counts that are kept.
    #[arg(long, default_value = "benches/counts.json")]
    kept: PathBuf,
    /// The document with the tables.
    #[arg(long, default_value = "BENCHMARKS.md")]
    document: PathBuf,
    /// Write tables and counts into these two files.
    #[arg(long)]
    write: bool,
    /// Fail when anything is worse than what is kept.
    #[arg(long, conflicts_with = "write")]
    check: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let results = Results::read(&arguments.results)?;
    let tables = results.tables(&arguments.machine)?;
    println!("{tables}");
    if arguments.write {
        write(&arguments.document, "benches/run", &tables)?;
        Kept::of(&results, &arguments.machine).write(&arguments.kept)?;
    }
    if arguments.check {
        let kept = Kept::read(&arguments.kept)?;
        if !kept.is_of(&arguments.machine) {
            println!(
                "the kept counts are of another machine or compiler: only ratios are compared"
            );
        }
        let offences = kept.offences(&results, &arguments.machine);
        for offence in &offences {
            eprintln!("worse: {offence}");
        }
        if !offences.is_empty() {
            return Ok(ExitCode::FAILURE);
        }
        println!(
            "nothing is worse than what is kept in {}",
            arguments.kept.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}
