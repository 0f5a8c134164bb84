//! gungraun's summaries, and callgrind's own files.

use super::allocations;
use crate::case::Cell;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::Path;

/// What one cell cost, for each piece of work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counts {
    pub instructions: f64,
    /// C's too.
    pub allocations: Option<f64>,
}

impl Counts {
    pub(super) fn less(self, other: Self) -> Self {
        let allocations = self.allocations.zip(other.allocations);
        Self {
            instructions: self.instructions - other.instructions,
            allocations: allocations.map(|(all, other)| all - other),
        }
    }

    /// Reads the summary of the cell that is number `index` of the benchmark `benchmark`, such as
    /// `propagation/table/amqp`, in gungraun's folder.
    pub fn read(folder: &Path, benchmark: &str, index: usize, cell: &Cell) -> Result<Self> {
        let path = folder.join(format!("{benchmark}.cell_{index}/summary.json"));
        let summary = std::fs::read_to_string(&path).with_context(|| {
            format!(
                "{benchmark}: {} ({:?}) was not measured",
                cell.row.name, cell.column
            )
        })?;
        let summary: Value = serde_json::from_str(&summary)?;
        ensure!(
            summary["version"] == "7",
            "{}: summaries of another version of gungraun",
            path.display()
        );
        let profiles = summary["profiles"].as_array();
        let callgrind = profiles.and_then(|all| all.iter().find(|one| one["tool"] == "Callgrind"));
        let instructions = callgrind
            .and_then(|tool| tool["data"]["total"]["metrics"]["Ir"]["values"]["new"].as_f64())
            .with_context(|| format!("{}: no count of instructions", path.display()))?;
        let samples = cell.samples() as f64;
        let blocks = allocations::of(path.parent().unwrap_or(folder))?;
        Ok(Self {
            instructions: instructions / samples,
            allocations: Some(blocks as f64 / samples),
        })
    }
}
