//! Many orders, a few workers, each article packed in the trace of its order:
//! `cargo run --bin worker-pool`.
//!
//! A consumer's loop takes orders (`orders.rs`) and hands each article as a job to a pool of workers
//! behind a bounded channel (`packing.rs`, and the pool itself in `../pool.rs`): fan-out. Parcels of
//! several orders become one message, whose span is linked to the spans in which they were packed
//! (`loading.rs`): join. While the workers are busy no further order is taken. At the end, or on
//! SIGINT or SIGTERM, what was taken is packed and loaded, and what is on a pallet that Kafka has
//! acknowledged is committed (`Offsets`), and nothing else: a crash loses nothing, and brings
//! some of it twice.
//!
//! At the end the program looks at its own spans and fails if one is not where it belongs. Spans and
//! metrics are exported over OTLP to `OTEL_EXPORTER_OTLP_ENDPOINT`, if that is set (`telemetry.rs`).

mod arguments;
mod arrival;
mod ledger;
mod loading;
mod order;
mod orders;
mod packing;
mod shop;
mod stop;
mod telemetry;
mod topics;
mod trace;

use crate::arguments::Arguments;
use crate::ledger::Ledger;
use crate::loading::Loader;
use crate::orders::{End, Orders};
use crate::stop::Stop;
use crate::telemetry::Telemetry;
use crate::topics::Topics;
use crate::trace::Recorder;
use clap::Parser;
use examples::address::one_line;
use examples::runtime;
use otel_messaging::self_check;
use otel_messaging_rdkafka::Offsets;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::mpsc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match runtime::run(run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let recorder = Recorder::default();
    let telemetry = Telemetry::start(&recorder, arguments.room)?;
    for finding in self_check() {
        complain(finding);
    }

    let outcome = pack_orders(arguments, &recorder).await;
    if let Err(error) = telemetry.stop().await {
        complain(error);
    }
    outcome
}

async fn pack_orders(arguments: &Arguments, recorder: &Recorder) -> anyhow::Result<()> {
    let topics = Topics::open(arguments).await?;
    let (end, ledger) = work(arguments, &topics).await?;
    recorder.spans().check(&ledger)?;

    let parcels: usize = ledger.orders.iter().map(|order| order.articles).sum();
    say(&format!(
        "{} orders, {parcels} parcels, {} pallets: each article was packed in the trace of its order, \
         and each pallet is linked to its parcels\n",
        ledger.orders.len(),
        ledger.pallets.len(),
    ));
    if end == End::Signalled {
        say(&format!("stopped; {}\n", topics.to_go_on()));
    } else if arguments.run.is_none() {
        topics.remove().await;
    }
    Ok(())
}

async fn work(arguments: &Arguments, topics: &Topics) -> anyhow::Result<(End, Ledger)> {
    let producer = topics.producer()?;
    shop::place_orders(arguments.orders, topics, &producer).await?;

    let consumer = Arc::new(topics.orders()?);
    let offsets = Offsets::new(consumer.clone())?;
    let mut stop = Stop::listen()?;
    let outcome = {
        let packers = packing::packers(arguments);
        // One: an order is taken when the one before is with the loader.
        let (taken, in_work) = mpsc::channel(1);
        let loader = Loader::new(topics, &producer, arguments.room.get());
        tokio::try_join!(
            async {
                let orders = Orders {
                    topics,
                    consumer: &consumer,
                    offsets: &offsets,
                    producer: &producer,
                    packers: &packers,
                };
                let end = orders.take(&mut stop, taken).await?;
                packers.finish().await;
                Ok(end)
            },
            loader.load_all(in_work),
        )
    };
    drop(consumer);
    let left = orders::leave(topics, offsets).await;
    let (end, ledger) = outcome?;
    left?;
    arrival::receive(topics, &ledger).await?;
    Ok((end, ledger))
}

/// Writes to stdout. A closed pipe, as of `| head`, is no reason to leave orders undone.
pub(crate) fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// One line, whatever it says.
fn complain(what: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "worker-pool: {}", one_line(what));
}
