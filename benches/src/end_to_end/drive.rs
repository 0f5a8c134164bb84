//! Measures a row.

use crate::line::{Allocated, Line, Rate};
use crate::scenario::{Scenario, Setting, WAYS, Way};
use crate::site::{Site, payload};
use anyhow::{Context, Result, ensure};
use benches::sample::Carried;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub rounds: usize,
    pub messages: Option<usize>,
}

impl Effort {
    pub(crate) const CHECK: Self = Self {
        rounds: 1,
        messages: Some(200),
    };
}

/// How often each way has its turn in a round.
const TURNS: usize = 4;

/// In bytes.
const SMALL: usize = 100;
const MIDDLE: usize = 10 << 10;

/// How many messages are counted. What a client allocates once for many of them, such as a larger buffer,
/// is shared by all.
const COUNTED: usize = 1000;
/// The same where the payload may be large.
const COUNTED_LARGE: usize = 60;
/// How often they are counted.
const RUNS: usize = 4;

/// Measures a row: rates, allocations, and the payload.
pub(crate) fn line<S: Scenario>(site: &Site, effort: Effort) -> Result<Line> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let row = Row::<S> {
        site,
        runtime: &runtime,
        scenario: None,
    };
    row.line(effort).with_context(|| S::NAME.to_owned())
}

/// The time that all threads of this program have had on a processor, in seconds.
fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

struct Row<'a, S> {
    site: &'a Site,
    runtime: &'a Runtime,
    /// The one that is open.
    scenario: Option<S>,
}

impl<S: Scenario> Row<'_, S> {
    fn line(mut self, effort: Effort) -> Result<Line> {
        let messages = effort.messages.unwrap_or(S::MESSAGES);
        let rates = self.with_payload(SMALL, false, |row| {
            row.compare_spans()?;
            row.rates(effort.rounds, messages)
        })?;
        let allocated = self.with_payload(SMALL, true, |row| {
            row.allocated(COUNTED.min(messages), WAYS)
        })?;
        let mut payloads = Vec::new();
        for size in [SMALL, MIDDLE, S::LARGEST << 10] {
            let [bare, ours] = self.with_payload(size, true, |row| {
                row.allocated(COUNTED_LARGE, [Way::Bare, Way::Ours])
            })?;
            payloads.push((size, ours.bytes - bare.bytes));
        }
        Ok(Line {
            name: S::NAME,
            rates,
            allocated,
            payloads,
        })
    }

    /// Opens the scenario for messages of one size, and closes it, also after an error.
    fn with_payload<T>(
        &mut self,
        size: usize,
        apart: bool,
        measure: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let setting = Setting {
            site: self.site,
            payload: payload(size),
            apart,
        };
        self.scenario = Some(self.runtime.block_on(S::open(&setting))?);
        let measured = measure(self);
        let closed = match self.scenario.take() {
            Some(scenario) => self.runtime.block_on(scenario.close()),
            None => Ok(()),
        };
        let measured = measured?;
        closed.context("could not be removed from the broker")?;
        Ok(measured)
    }

    /// By hand and ours have to say the same, or the comparison would be a false one.
    fn compare_spans(&mut self) -> Result<()> {
        // Warms up too.
        self.run(Way::Bare, COUNTED_LARGE)?;
        let mut spans = Vec::new();
        for way in [Way::ByHand, Way::Ours] {
            self.site.last.look();
            self.run(way, COUNTED_LARGE)?;
            let seen = self.site.last.seen();
            spans.push(seen.with_context(|| format!("{way:?} makes no span"))?);
        }
        let same = spans.windows(2).all(|two| two[0] == two[1]);
        ensure!(same, "the spans by hand and ours differ: {spans:?}");
        Ok(())
    }

    /// The messages per second of each way. The ways take turns within a round too, so that another program
    /// on the machine takes as much from each.
    fn rates(&mut self, rounds: usize, messages: usize) -> Result<Vec<[Rate; 3]>> {
        let messages = messages.div_ceil(TURNS);
        let mut rates = Vec::new();
        for round in 0..rounds {
            let (mut took, mut cpu) = ([0.0; 3], [0.0; 3]);
            for turn in 0..TURNS {
                let mut order = [0, 1, 2];
                // Neither of the pair is always the first.
                if (round + turn) % 2 == 1 {
                    order.reverse();
                }
                for index in order {
                    self.prepare(messages)?;
                    let before = cpu_time();
                    let time = self.run_prepared(WAYS[index], messages)?;
                    cpu[index] += cpu_time() - before;
                    took[index] += time.as_secs_f64();
                }
            }
            let messages = (TURNS * messages) as f64;
            rates.push([0, 1, 2].map(|way| Rate {
                messages: messages / took[way].max(1e-9),
                cpu: cpu[way] / messages,
            }));
        }
        Ok(rates)
    }

    /// What each way allocates for a message, on this thread: the least of several runs, because the clients'
    /// queues grow now and then.
    fn allocated<const N: usize>(
        &mut self,
        messages: usize,
        ways: [Way; N],
    ) -> Result<[Allocated; N]> {
        let mut all = [Allocated::default(); N];
        for (way, allocated) in ways.into_iter().zip(&mut all) {
            for run in 0..RUNS {
                self.prepare(messages)?;
                let mut ran = Ok(Duration::ZERO);
                let counted =
                    allocation_counter::measure(|| ran = self.run_prepared(way, messages));
                ran?;
                let one = Allocated {
                    times: counted.count_total as f64 / messages as f64,
                    bytes: counted.bytes_total as f64 / messages as f64,
                };
                if run == 0 || one.bytes < allocated.bytes {
                    *allocated = one;
                }
            }
        }
        Ok(all)
    }

    fn run(&mut self, way: Way, messages: usize) -> Result<Duration> {
        self.prepare(messages)?;
        self.run_prepared(way, messages)
    }

    fn prepare(&mut self, messages: usize) -> Result<()> {
        let scenario = self.scenario.as_mut().context("nothing is open")?;
        self.runtime.block_on(scenario.prepare(messages))
    }

    fn run_prepared(&mut self, way: Way, messages: usize) -> Result<Duration> {
        let scenario = self.scenario.as_mut().context("nothing is open")?;
        // What is sent belongs to a trace that has begun.
        let carried = Carried {
            span: S::SENDS,
            ..Carried::default()
        };
        let _current = carried.context().attach();
        self.runtime.block_on(scenario.run(way, messages))
    }
}
