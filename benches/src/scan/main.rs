//! How fast the doctor reads a topic of Kafka, beside a bare consumer, and how much memory it takes.
//! `benches/scan` starts the broker and runs this.

mod bare;
mod process;
mod topic;

use anyhow::{Context, Result, ensure};
use benches::report::write;
use clap::{Parser, Subcommand};
use process::Ran;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use topic::Topic;

/// The rate and the memory of `otel-messaging doctor kafka`, beside a bare consumer.
#[derive(Parser)]
#[command(name = "scan")]
struct Arguments {
    #[command(subcommand)]
    bare: Option<Bare>,
    /// The address of Kafka.
    #[arg(long, env = "KAFKA_BROKERS", default_value = "localhost:9092")]
    kafka: String,
    /// The program.
    #[arg(long, default_value = "otel-messaging")]
    doctor: PathBuf,
    /// How many messages the topic has.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// How often each way is measured; they take turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// What was measured on, for the table.
    #[arg(long, default_value = "an unnamed machine")]
    machine: String,
    /// The document with the table.
    #[arg(long, default_value = "BENCHMARKS.md")]
    document: PathBuf,
    /// Write the table into it.
    #[arg(long)]
    write: bool,
}

#[derive(Subcommand)]
enum Bare {
    /// The bare consumer, in a process of its own as the doctor is.
    Bare {
        #[arg(long)]
        kafka: String,
        #[arg(long)]
        topic: String,
        #[arg(long)]
        messages: u64,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.bare {
        Some(Bare::Bare {
            kafka,
            topic,
            messages,
        }) => bare::read(kafka, topic, *messages),
        None => measure(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scan: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let topic = Topic::fill(&arguments.kafka, arguments.messages)?;
    let result = measure_on(arguments, &topic);
    topic.remove()?;
    let table = result?;
    println!("{table}");
    if arguments.write {
        write(&arguments.document, "benches/scan", &table)
            .context("the table could not be written")?;
    }
    Ok(())
}

fn measure_on(arguments: &Arguments, topic: &Topic) -> Result<String> {
    let messages = arguments.messages.to_string();
    let bare = |command: &mut Command| {
        let place = ["--kafka", &arguments.kafka, "--topic", &topic.name];
        command
            .arg("bare")
            .args(place)
            .args(["--messages", &messages]);
    };
    let doctor = |command: &mut Command| {
        let place = [
            "doctor",
            "kafka",
            "--brokers",
            &arguments.kafka,
            "--topic",
            &topic.name,
        ];
        command
            .args(place)
            .args(["--last", &messages, "--max", &messages, "--json"]);
    };
    let own = std::env::current_exe().context("this program")?;
    let (mut bares, mut doctors) = (Vec::new(), Vec::new());
    for round in 1..=arguments.rounds {
        bares.push(process::run(&own, bare)?);
        let ran = process::run(&arguments.doctor, doctor)?;
        let report: serde_json::Value =
            serde_json::from_str(&ran.said).context("the doctor's report")?;
        ensure!(
            report["messages"] == arguments.messages,
            "the doctor looked at {} of {messages} messages",
            report["messages"]
        );
        doctors.push(ran);
        eprintln!("round {round} of {}", arguments.rounds);
    }
    Ok(table(arguments, &bares, &doctors))
}

fn table(arguments: &Arguments, bares: &[Ran], doctors: &[Ran]) -> String {
    let messages = arguments.messages as f64;
    let rate = |ran: &Ran| messages / ran.took.as_secs_f64();
    let mut shares: Vec<f64> = bares
        .iter()
        .zip(doctors)
        .map(|(bare, doctor)| rate(doctor) / rate(bare))
        .collect();
    shares.sort_by(f64::total_cmp);
    let peak = |ran: &[Ran]| ran.iter().map(|ran| ran.peak_kib).max().unwrap_or(0) / 1024;
    let [bare, doctor] = [bares, doctors].map(|all| median(all.iter().map(rate).collect()));
    format!(
        "Measured on {}, {} messages with five headers, {} rounds; each is a process of its own, from its start to its \
         end:\n\n\
         | reader | messages per second | share of the bare consumer's | range | most memory |\n\
         | --- | ---: | ---: | ---: | ---: |\n\
         | bare `BaseConsumer` | {bare:.0} | | | {} MiB |\n\
         | `otel-messaging doctor kafka` | {doctor:.0} | {:.2} | {:.2} to {:.2} | {} MiB |",
        arguments.machine,
        arguments.messages,
        arguments.rounds,
        peak(bares),
        median(shares.clone()),
        shares.first().copied().unwrap_or(0.0),
        shares.last().copied().unwrap_or(0.0),
        peak(doctors),
    )
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(0.0)
}
