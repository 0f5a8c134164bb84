//! What callgrind has counted: how often each instruction that takes a lock was executed.

use crate::instructions::locking;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// By function, for each message.
pub(crate) struct Counts(BTreeMap<String, f64>);

impl Counts {
    /// Reads callgrind's file, see "Callgrind Format Specification" in valgrind's manual.
    pub(crate) fn read(file: &Path, messages: usize) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let mut objects: HashMap<&str, HashSet<u64>> = HashMap::new();
        let mut counts = BTreeMap::new();
        let (mut object, mut function) = ("", "");
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(name) = line.strip_prefix("ob=") {
                object = name;
            } else if let Some(name) = line.strip_prefix("fn=") {
                function = name;
            } else if line.starts_with("calls=") {
                // What the function that is called costs.
                lines.next();
            } else if let Some((address, count)) = executed(line) {
                if !objects.contains_key(object) {
                    objects.insert(object, locking(Path::new(object))?);
                }
                if objects[object].contains(&address) {
                    *counts.entry(function.to_owned()).or_default() += count / messages as f64;
                }
            }
        }
        Ok(Self(counts))
    }

    pub(crate) fn total(&self) -> f64 {
        self.0.values().sum()
    }

    pub(crate) fn of(&self, function: &str) -> f64 {
        self.0.get(function).copied().unwrap_or_default()
    }

    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The address of an instruction, and how often it was executed: `0x1f0 0 64`.
fn executed(line: &str) -> Option<(u64, f64)> {
    let mut words = line.strip_prefix("0x")?.split(' ');
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    Some((address, words.nth(1)?.parse().ok()?))
}
