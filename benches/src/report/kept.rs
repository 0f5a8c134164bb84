//! The counts that are kept in the repository, and what may become of them.

use super::results::{LINEAR, Line, Results};
use crate::CLIENTS;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The counts of one run.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    /// What was measured on. Another compiler or C library has other counts.
    machine: String,
    /// By row and client.
    rows: BTreeMap<String, BTreeMap<String, Entry>>,
}

/// What ours cost.
#[derive(Serialize, Deserialize)]
struct Entry {
    instructions: f64,
    allocations: f64,
    /// To what it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    /// Instructions without a given propagator.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<f64>,
}

/// Instructions may grow by so much. On another machine than the one that is kept, the ratio may.
const TOLERANCE: f64 = 1.03;

/// The mean may have so much more. A thread looks at OpenTelemetry's global settings once a second, and how often that
/// is for a message depends on how fast the machine is.
const PART_OF_AN_ALLOCATION: f64 = 0.5;

impl Kept {
    pub fn of(results: &Results, machine: &str) -> Self {
        let mut rows: BTreeMap<String, BTreeMap<String, Entry>> = BTreeMap::new();
        for line in &results.lines {
            let ratio = line.ratio(line.ours);
            let entry = Entry {
                instructions: rounded(line.ours.instructions),
                allocations: rounded(line.allocations()),
                ratio: ratio.is_finite().then(|| rounded(ratio)),
                default: line.default.map(|default| rounded(default.instructions)),
            };
            let clients = rows.entry(line.row.name.to_owned()).or_default();
            clients.insert(CLIENTS[line.client].1.to_owned(), entry);
        }
        Self {
            machine: machine.to_owned(),
            rows,
        }
    }

    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} is missing: benches/run --write", path.display()))?;
        Ok(serde_json::from_str(&text)?)
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// Whether the counts are of this machine, so that instructions can be compared.
    pub fn is_of(&self, machine: &str) -> bool {
        self.machine == machine
    }

    fn of_line(&self, line: &Line) -> Option<&Entry> {
        self.rows.get(line.row.name)?.get(CLIENTS[line.client].1)
    }

    /// One line for each thing that has become worse.
    pub fn offences(&self, results: &Results, machine: &str) -> Vec<String> {
        let mut offences: Vec<String> = results
            .lines
            .iter()
            .flat_map(|line| self.offences_of(line, machine))
            .collect();
        for (row, clients) in &self.rows {
            for client in clients.keys() {
                let is_there =
                    |line: &Line| line.row.name == row && CLIENTS[line.client].1 == client;
                if !results.lines.iter().any(is_there) {
                    offences.push(format!("{row}, {client}: kept, but not measured"));
                }
            }
        }
        for rules in results.rule_lines().filter(|rules| !rules.is_near()) {
            offences.push(format!(
                "{}, {}: the rules cost {:.0} instructions, at most {}",
                rules.line.row.name,
                CLIENTS[rules.line.client].1,
                rules.more().instructions,
                rules.most
            ));
        }
        for growth in results.growths.iter().filter(|growth| !growth.is_linear()) {
            offences.push(format!(
                "{}, {}: an entry costs {:.2} times as much where there are more, at most {LINEAR}",
                growth.name,
                CLIENTS[growth.client].1,
                growth.factor()
            ));
        }
        offences
    }

    fn offences_of(&self, line: &Line, machine: &str) -> Vec<String> {
        let (row, client) = (line.row.name, CLIENTS[line.client].1);
        let Some(kept) = self.of_line(line) else {
            return vec![format!("{row}, {client}: nothing is kept")];
        };
        let mut offences = Vec::new();
        let mut compare = |what: &str, now: Option<f64>, before: Option<f64>| {
            if let (Some(now), Some(before)) = (now, before)
                && now > before * TOLERANCE + f64::EPSILON
            {
                offences.push(format!(
                    "{row}, {client}: {what} {now:.3}, kept {before:.3}"
                ));
            }
        };
        if self.is_of(machine) {
            let (now, before) = (line.ours.instructions, kept.instructions);
            compare("instructions", Some(now), Some(before));
            let now = line.default.map(|default| default.instructions);
            compare("instructions of default", now, kept.default);
        } else {
            let now = Some(line.ratio(line.ours));
            compare("ratio", now, kept.ratio);
        }
        let (now, before) = (rounded(line.allocations()), kept.allocations);
        if now > before + PART_OF_AN_ALLOCATION {
            offences.push(format!(
                "{row}, {client}: allocations {now:.3}, kept {before:.3}"
            ));
        }
        offences
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::super::counts::Counts;
    use super::super::results::GrowthLine;
    use super::*;
    use crate::call::{Call, Setting};
    use crate::case::{Work, calls, rows};

    const HERE: &str = "this machine";

    fn results(ours: f64, allocations: f64, largest: f64) -> Results {
        let counts = |instructions| Counts {
            instructions,
            allocations: Some(allocations),
        };
        Results {
            lines: vec![Line {
                row: rows()[0],
                client: 0,
                bound: Some(counts(1000.0)),
                usual: None,
                bare: None,
                wire: None,
                forced: None,
                ours: counts(ours),
                default: None,
            }],
            growths: vec![GrowthLine {
                name: "growing",
                client: 0,
                sizes: [10, 100, 1000],
                instructions: [10.0, 100.0, largest],
            }],
        }
    }

    #[test]
    fn only_what_has_become_worse_is_an_offence() {
        let kept = Kept::of(&results(1100.0, 3.0, 1000.0), HERE);
        let none: [&str; 0] = [];
        for (ours, allocations) in [(1100.0, 3.0), (1132.0, 3.0), (900.0, 2.0)] {
            let results = results(ours, allocations, 1000.0);
            assert_eq!(kept.offences(&results, HERE), none);
        }
        let row = "inject, trace context only, AMQP";
        let cases = [
            (1134.0, 3.0, HERE, "instructions 1134.000, kept 1100.000"),
            (1134.0, 3.0, "elsewhere", "ratio 1.134, kept 1.100"),
            (1100.0, 4.0, HERE, "allocations 4.000, kept 3.000"),
        ];
        for (ours, allocations, machine, what) in cases {
            let offences = kept.offences(&results(ours, allocations, 1000.0), machine);
            assert_eq!(offences, [format!("{row}: {what}")]);
        }
        let steeper = results(1100.0, 3.0, 10_000.0);
        assert_eq!(kept.offences(&steeper, HERE).len(), 1);
    }

    #[test]
    fn rules_that_cost_too_much_are_an_offence() {
        let offences = |more| {
            let mut results = results(1000.0, 3.0, 1000.0);
            let mut with = results.lines.remove(0);
            let of = |work| calls().into_iter().find(|row| row.work == work);
            with.row = of(Work::Rules(Call::Process)).expect("a row");
            let recorded = Work::Call(Call::Process, Setting::Recorded, 0);
            let without = Line {
                row: of(recorded).expect("a row"),
                ..with
            };
            with.ours.instructions += more;
            results.lines = vec![with, without];
            Kept::of(&results, HERE).offences(&results, HERE)
        };
        let none: [&str; 0] = [];
        assert_eq!(offences(200.0), none);
        // One percent of the call is noise.
        assert_eq!(offences(210.0), none);
        let offence = "process, rules, AMQP: the rules cost 211 instructions, at most 200";
        assert_eq!(offences(211.0), [offence]);
    }

    #[test]
    fn a_row_that_is_missing_is_an_offence() {
        let whole = results(1100.0, 3.0, 1000.0);
        let mut empty = results(1100.0, 3.0, 1000.0);
        empty.lines.clear();
        assert_eq!(Kept::of(&whole, HERE).offences(&empty, HERE).len(), 1);
        assert_eq!(Kept::of(&empty, HERE).offences(&whole, HERE).len(), 1);
    }
}
