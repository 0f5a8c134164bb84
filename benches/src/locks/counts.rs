//! What callgrind has counted: how often each instruction that takes a lock was executed.

use crate::instructions::Instructions;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// The functions that lock a span, and the one of ours into which they are inlined.
const SPAN: [&str; 2] = [
    "opentelemetry::trace::context::SpanRef::",
    "otel_messaging::loss::boundary::Boundary::call",
];

/// lapin's own: a channel says in no other way whether confirms are enabled, and ours waits for one if they are.
const CLIENT: &str = "lapin::channel_status::ChannelStatus::confirm";

/// The functions of glibc that take the lock of a thread's memory.
const ALLOCATOR: [&str; 5] = ["malloc", "calloc", "realloc", "free", "_int_free"];

/// By function, for each message.
pub(crate) struct Counts(BTreeMap<String, f64>);

impl Counts {
    /// Reads callgrind's file, see "Callgrind Format Specification" in valgrind's manual.
    pub(crate) fn read(
        file: &Path,
        messages: usize,
        instructions: &mut Instructions,
    ) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
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
            } else if let Some((address, count)) = executed(line)
                && !ALLOCATOR.contains(&function)
                && instructions.lock(object, address)?
            {
                *counts.entry(function.to_owned()).or_default() += count / messages as f64;
            }
        }
        Ok(Self(counts))
    }

    /// Without the lock of the message's own span, for which no other thread waits, and without the client's.
    pub(crate) fn shared(&self) -> f64 {
        let is_own = |name: &str| SPAN.iter().any(|span| name.starts_with(span));
        let shared = self.0.iter();
        let shared = shared.filter(|(name, _)| !is_own(name) && *name != CLIENT);
        // The sum of nothing would be negative zero.
        shared.fold(0.0, |sum, (_, count)| sum + count)
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
