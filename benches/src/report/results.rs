//! The counts of one run, by row and client, and what follows from them.

use super::counts::Counts;
use crate::call::{Call, Setting};
use crate::case::{Column, Limit, Row, Work, calls, cells, growing, handled, rows, traced};
use crate::{CLIENTS, JETSTREAM};
use anyhow::Result;
use std::path::Path;

/// All that one run has counted.
pub struct Results {
    pub lines: Vec<Line>,
    pub growths: Vec<GrowthLine>,
}

/// A row for one client.
#[derive(Clone, Copy)]
pub struct Line {
    pub row: Row,
    pub client: usize,
    pub bound: Option<Counts>,
    pub usual: Option<Counts>,
    pub bare: Option<Counts>,
    pub wire: Option<Counts>,
    pub forced: Option<Counts>,
    pub ours: Counts,
    pub default: Option<Counts>,
}

/// Three sizes of a row for one client.
pub struct GrowthLine {
    pub name: &'static str,
    pub client: usize,
    pub sizes: [usize; 3],
    pub instructions: [f64; 3],
}

/// What the metrics add to a call, for one client.
pub(super) struct MetricLine {
    pub(super) call: &'static str,
    pub(super) client: usize,
    pub(super) by_hand: Counts,
    pub(super) ours: Counts,
}

/// What the rules of an instrumentation add to a call, for one client.
pub(super) struct RuleLine<'a> {
    pub(super) line: &'a Line,
    pub(super) without: Counts,
    pub(super) most: u64,
}

/// Ours may take so many times the instructions of the same metrics by hand.
pub(super) const METRICS: f64 = 1.25;

/// A further entry may seem to cost so much more: a tree has one more level, a hash map is fuller,
/// and memory comes from another place. With a quadratic step it would be 4 times as much from 8 to
/// 32, and 10 times from 100 to 1,000.
pub(super) const LINEAR: f64 = 2.0;

impl Results {
    /// Reads what gungraun has written into `folder`.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut lines: Vec<Line> = Vec::new();
        let mut growths: Vec<GrowthLine> = Vec::new();
        for (client, (name, _)) in CLIENTS.into_iter().enumerate() {
            lines.extend(lines_of(
                folder,
                &format!("traced/whole/{name}"),
                client,
                traced(),
            )?);
            if client == JETSTREAM {
                lines.extend(lines_of(
                    folder,
                    "calls/whole/jetstream",
                    client,
                    handled(),
                )?);
                continue;
            }
            let table = format!("propagation/table/{name}");
            lines.extend(lines_of(folder, &table, client, rows())?);
            lines.extend(lines_of(
                folder,
                &format!("calls/whole/{name}"),
                client,
                calls(),
            )?);
            let growth = format!("propagation/growth/{name}_growth");
            let mut sizes = Vec::new();
            for (index, cell) in cells(growing()).into_iter().enumerate() {
                let counts = Counts::read(folder, &growth, index, &cell)?;
                if let Limit::Linear(size) = cell.row.limit {
                    sizes.push((cell.row.name, size, counts.instructions));
                }
            }
            growths.extend(sizes.chunks_exact(3).filter_map(|three| {
                let [a, b, c] = three.try_into().ok()?;
                Some(GrowthLine {
                    name: a.0,
                    client,
                    sizes: [a, b, c].map(|(_, size, _)| size),
                    instructions: [a, b, c].map(|(_, _, count)| count),
                })
            }));
        }
        let order: Vec<_> = [rows(), calls(), traced()]
            .iter()
            .flatten()
            .map(|row| row.name)
            .collect();
        lines.sort_by_key(|line| order.iter().position(|name| *name == line.row.name));
        let order: Vec<_> = growing().iter().map(|row| row.name).collect();
        growths.sort_by_key(|line| order.iter().position(|name| *name == line.name));
        fill(&mut lines);
        Ok(Self { lines, growths })
    }

    /// Each call with rules, beside the same call without.
    pub(super) fn rule_lines(&self) -> impl Iterator<Item = RuleLine<'_>> {
        self.lines.iter().filter_map(|line| {
            let (Limit::Beyond(most), Work::Rules(call)) = (line.row.limit, line.row.work) else {
                return None;
            };
            let same = Work::Call(call, Setting::Recorded, 0);
            let mut lines = self.lines.iter();
            let is_same = |other: &&Line| other.client == line.client && other.row.work == same;
            Some(RuleLine {
                line,
                without: lines.find(is_same)?.ours,
                most,
            })
        })
    }

    /// Each call with a meter provider, less the same call without.
    pub(super) fn metric_lines(&self) -> Vec<MetricLine> {
        let calls = [("process", Call::Process), ("send", Call::Send)].into_iter();
        let lines = calls.flat_map(|(name, call)| {
            let clients = 0..CLIENTS.len();
            clients.filter_map(move |client| {
                let of = |setting| {
                    let work = Work::Call(call, setting, 0);
                    let mut lines = self.lines.iter();
                    lines.find(|line| line.client == client && line.row.work == work)
                };
                let (with, without) = (of(Setting::Measured)?, of(Setting::NoSdk)?);
                Some(MetricLine {
                    call: name,
                    client,
                    by_hand: with.bound?.less(with.wire?),
                    ours: with.ours.less(without.ours),
                })
            })
        });
        lines.collect()
    }
}

/// The client's own call and the limit are the same in each setting, and counted in one.
fn fill(lines: &mut [Line]) {
    let counted: Vec<_> = lines
        .iter()
        .filter_map(|line| match line.row.work {
            Work::Call(call, Setting::NoSdk, others) => {
                Some(((line.client, call, others), line.bare, line.wire))
            }
            _ => None,
        })
        .collect();
    for line in lines {
        if let Work::Call(call, _, others) = line.row.work {
            let same = (line.client, call, others);
            if let Some((_, bare, wire)) = counted.iter().find(|(of, ..)| *of == same) {
                (line.bare, line.wire) = (*bare, *wire);
            }
        }
    }
}

/// The lines of one benchmark of gungraun.
fn lines_of(folder: &Path, benchmark: &str, client: usize, rows: Vec<Row>) -> Result<Vec<Line>> {
    let mut counted = Vec::new();
    for (index, cell) in cells(rows.clone()).into_iter().enumerate() {
        let counts = Counts::read(folder, benchmark, index, &cell)?;
        counted.push((cell, counts));
    }
    let lines = rows.into_iter().filter_map(|row| {
        let of = |column| {
            let mut cells = counted.iter();
            let cell = cells.find(|(cell, _)| cell.row.name == row.name && cell.column == column);
            cell.map(|(_, counts)| *counts)
        };
        Some(Line {
            row,
            client,
            bound: of(Column::Bound),
            usual: of(Column::Usual),
            bare: of(Column::Bare),
            wire: of(Column::Wire),
            forced: of(Column::Forced),
            ours: of(Column::Ours)?,
            default: of(Column::Default),
        })
    });
    Ok(lines.collect())
}

impl Line {
    /// Instructions as a multiple of the bound, or of what is allowed where there is no bound. Of a send, both without
    /// what the client's own call takes.
    pub fn ratio(&self, counts: Counts) -> f64 {
        let bare = self.bare.map_or(0.0, |bare| bare.instructions);
        (counts.instructions - bare) / (self.yardstick() - bare)
    }

    fn yardstick(&self) -> f64 {
        let instructions = match self.row.limit {
            Limit::Absolute(most) => Some(most as f64),
            Limit::Added { to, .. } => self.of(to).map(|counts| counts.instructions),
            _ => self.bound.map(|bound| bound.instructions),
        };
        instructions.unwrap_or(f64::NAN)
    }

    fn of(&self, column: Column) -> Option<Counts> {
        match column {
            Column::Wire => self.wire,
            _ => self.bound,
        }
    }

    /// What the ratio has to reach.
    pub fn limit(&self) -> f64 {
        match self.row.limit {
            Limit::Ratio(limits) => limits[self.client],
            Limit::Added { ratio, .. } => ratio,
            Limit::Absolute(_) | Limit::Beyond(_) | Limit::Linear(_) | Limit::Kept => 1.0,
        }
    }

    pub fn allocations(&self) -> f64 {
        self.ours.allocations.unwrap_or(f64::NAN)
    }

    /// How many more allocations it has than the way that it is compared with.
    pub fn more_allocations(&self) -> f64 {
        let than = match self.row.limit {
            Limit::Added { to, .. } => self.of(to),
            _ => self.bound,
        };
        let than = than.and_then(|than| than.allocations);
        self.allocations() - than.unwrap_or(f64::NAN)
    }

    pub fn is_reached(&self) -> bool {
        // To the second decimal, as it is laid down and shown.
        let instructions = (self.ratio(self.ours) * 100.0).round() / 100.0 <= self.limit();
        let allocations = match self.row.limit {
            // Whether another allocation makes a hash map grow is a matter of luck.
            Limit::Added {
                allocations: Some(more),
                ..
            } => self.more_allocations() < more as f64 + 0.5,
            _ => {
                let most = self.row.allocations;
                most.is_none_or(|most| self.allocations() <= most as f64)
            }
        };
        instructions && allocations
    }
}

impl RuleLine<'_> {
    pub(super) fn more(&self) -> Counts {
        self.line.ours.less(self.without)
    }

    pub(super) fn is_reached(&self) -> bool {
        self.more().instructions <= self.most as f64
    }

    /// The same, but for the one percent by which two counts of one call differ.
    pub(super) fn is_near(&self) -> bool {
        let noise = self.without.instructions / 100.0;
        self.more().instructions <= self.most as f64 + noise
    }
}

impl GrowthLine {
    /// What an entry costs between the larger sizes, as a multiple of what it costs between the
    /// smaller.
    pub fn factor(&self) -> f64 {
        let [a, b, c] = self.sizes.map(|size| size as f64);
        let [cost_a, cost_b, cost_c] = self.instructions;
        ((cost_c - cost_b) / (c - b)) / ((cost_b - cost_a) / (b - a)).max(1.0)
    }

    pub fn is_linear(&self) -> bool {
        self.factor() <= LINEAR
    }
}
