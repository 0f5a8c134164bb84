//! The ratios and allocations that are kept in the repository, and what may become of them.

use super::results::{LINEAR, Line, Results};
use crate::CLIENTS;
use crate::call::Call;
use crate::case::Work;
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::path::Path;

/// By row and client: `ratio`, `allocations`, and `default`, the ratio without a given propagator.
pub struct Kept(Map<String, Value>);

/// A ratio may grow by so much.
const TOLERANCE: f64 = 1.03;

/// The ratio of a send through lapin may grow by so much. lapin moves whole frames, of some hundred bytes, into
/// its queues. What `memmove` takes for a frame depends on where it lies in memory. In some processes each
/// message takes 2 % more of the wire. That may be the process of the bound, or the one of ours.
const TOLERANCE_OF_FRAMES: f64 = 1.05;

impl Kept {
    pub fn of(results: &Results) -> Self {
        let mut rows = Map::new();
        for line in &results.lines {
            let clients = rows.entry(line.row.name).or_insert_with(|| json!({}));
            let mut entry = json!({ "ratio": rounded(line.ratio(line.ours)) });
            entry["allocations"] = rounded(line.allocations()).into();
            if let Some(default) = line.default {
                entry["default"] = rounded(line.ratio(default)).into();
            }
            clients[CLIENTS[line.client].1] = entry;
        }
        Self(rows)
    }

    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} is missing: benches/run --write", path.display()))?;
        Ok(Self(serde_json::from_str(&text)?))
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.0)? + "\n";
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// One line for each thing that has become worse.
    pub fn offences(&self, results: &Results) -> Vec<String> {
        let mut offences: Vec<String> = results
            .lines
            .iter()
            .flat_map(|line| self.offences_of(line))
            .collect();
        for (row, clients) in &self.0 {
            for (_, client) in CLIENTS {
                let is_there =
                    |line: &Line| line.row.name == row && CLIENTS[line.client].1 == client;
                if !clients[client].is_null() && !results.lines.iter().any(is_there) {
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

    fn offences_of(&self, line: &Line) -> Vec<String> {
        let (row, client) = (line.row.name, CLIENTS[line.client].1);
        let kept = &self.0.get(row).unwrap_or(&Value::Null)[client];
        let mut offences = Vec::new();
        let mut compare = |what: &str, now: f64, tolerance: f64| match kept[what].as_f64() {
            Some(before) if now > before * tolerance + f64::EPSILON => {
                offences.push(format!(
                    "{row}, {client}: {what} {now:.3}, kept {before:.3}"
                ));
            }
            Some(_) => {}
            None => offences.push(format!("{row}, {client}: no {what} is kept")),
        };
        let moves_frames = client == "AMQP"
            && matches!(
                line.row.work,
                Work::Call(Call::Send, ..) | Work::Rules(Call::Send)
            );
        let tolerance = if moves_frames {
            TOLERANCE_OF_FRAMES
        } else {
            TOLERANCE
        };
        compare("ratio", line.ratio(line.ours), tolerance);
        compare("allocations", rounded(line.allocations()), 1.0);
        if let Some(default) = line.default {
            compare("default", line.ratio(default), tolerance);
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
    use crate::case::{Row, calls, rows};

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
        let kept = Kept::of(&results(1100.0, 3.0, 1000.0));
        let none: [&str; 0] = [];
        for (ours, allocations) in [(1100.0, 3.0), (1132.0, 3.0), (900.0, 2.0)] {
            assert_eq!(kept.offences(&results(ours, allocations, 1000.0)), none);
        }
        let row = "inject, trace context only, AMQP";
        let cases = [
            (1134.0, 3.0, 1000.0, "ratio 1.134, kept 1.100"),
            (1100.0, 4.0, 1000.0, "allocations 4.000, kept 3.000"),
        ];
        for (ours, allocations, largest, what) in cases {
            let offences = kept.offences(&results(ours, allocations, largest));
            assert_eq!(offences, [format!("{row}: {what}")]);
        }
        assert_eq!(kept.offences(&results(1100.0, 3.0, 10_000.0)).len(), 1);
    }

    #[test]
    fn a_send_of_frames_may_differ_by_more_but_not_by_all() {
        let send = |client, ours| {
            let mut results = results(ours, 3.0, 1000.0);
            let is_send = |row: &Row| matches!(row.work, Work::Call(Call::Send, ..));
            results.lines[0].row = calls().into_iter().find(is_send).expect("a send");
            results.lines[0].client = client;
            results
        };
        for (client, (_, name)) in CLIENTS.into_iter().enumerate() {
            let kept = Kept::of(&send(client, 1000.0));
            let offences =
                [1025.0, 1045.0, 1055.0].map(|ours| kept.offences(&send(client, ours)).len());
            let expected = if name == "AMQP" { [0, 0, 1] } else { [0, 1, 1] };
            assert_eq!(offences, expected, "{name}");
        }
    }

    #[test]
    fn rules_that_cost_too_much_are_an_offence() {
        let offences = |more| {
            let mut results = results(1000.0 + more, 3.0, 1000.0);
            let is_of_rules = |row: &Row| row.work == Work::Rules(Call::Process);
            results.lines[0].row = calls().into_iter().find(is_of_rules).expect("a row");
            Kept::of(&results).offences(&results)
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
        assert_eq!(Kept::of(&whole).offences(&empty).len(), 1);
        assert_eq!(Kept::of(&empty).offences(&whole).len(), 2);
    }
}
