//! The ratios and allocations that are kept in the repository, and what may become of them.

use super::results::{LINEAR, Line, Results};
use crate::CLIENTS;
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::path::Path;

/// By row and client: `ratio`, `allocations`, and `default`, the ratio without a given propagator.
pub struct Kept(Map<String, Value>);

/// A ratio may grow by so much.
const TOLERANCE: f64 = 1.03;

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
        compare("ratio", line.ratio(line.ours), TOLERANCE);
        compare("allocations", rounded(line.allocations()), 1.0);
        if let Some(default) = line.default {
            compare("default", line.ratio(default), TOLERANCE);
        }
        offences
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
