//! gungraun's summaries.

use crate::case::Cell;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::Path;

/// What one cell cost, for each piece of work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counts {
    pub instructions: f64,
    /// Of a cell that was measured with DHAT.
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
        let total = |tool: &str, metric: &str| {
            let profiles = summary["profiles"].as_array()?;
            let profile = profiles.iter().find(|profile| profile["tool"] == tool)?;
            let metric = &profile["data"]["total"]["metrics"][metric]["values"]["new"];
            Some(metric.as_f64()? / cell.samples() as f64)
        };
        let instructions = total("Callgrind", "Ir")
            .with_context(|| format!("{}: no count of instructions", path.display()))?;
        Ok(Self {
            instructions,
            allocations: total("DHAT", "TotalBlocks"),
        })
    }
}
