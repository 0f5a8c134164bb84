//! What callgrind has counted: how often each instruction that takes a lock was executed.

use crate::instructions::Instructions;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// The functions that lock a span.
const SPAN: &str = "opentelemetry::trace::context::SpanRef::";

/// A lock of the client itself, which the bare client takes too to know whether the broker confirms. `send` by hand
/// waits for the answer in any case; whoever hands the answer on to its caller has to ask when the span ends.
const FORCED: &str = "lapin::channel_status::ChannelStatus::confirm";

/// A function may take a lock for so many messages in the mean: a thread looks at OpenTelemetry's global settings once a
/// second, and under valgrind a second has few messages. A lock on the way of each message would be one more.
const NOW_AND_THEN: f64 = 0.5;

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
                let mut name = function.to_owned();
                if !name.starts_with(SPAN) && instructions.is_of_span(object, address)? {
                    name = format!("{SPAN} inside {function}");
                }
                *counts.entry(name).or_default() += count / messages as f64;
            }
        }
        Ok(Self(counts))
    }

    /// Without the lock of the message's own span, for which no other thread waits, and without lapin's.
    pub(crate) fn shared(&self) -> f64 {
        let shared = self.0.iter().filter(|(name, _)| is_shared(name));
        // The sum of nothing would be negative zero.
        shared.fold(0.0, |sum, (_, count)| sum + count)
    }

    /// Whether a lock that threads share is taken more often than by hand, and not only now and then.
    pub(crate) fn is_more(&self, by_hand: &Self) -> bool {
        let mut shared = self.0.iter().filter(|(name, _)| is_shared(name));
        shared.any(|(name, count)| *count > by_hand.of(name) + NOW_AND_THEN)
    }

    pub(crate) fn of(&self, function: &str) -> f64 {
        self.0.get(function).copied().unwrap_or_default()
    }

    pub(crate) fn functions(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn is_shared(function: &str) -> bool {
    !function.starts_with(SPAN) && function != FORCED
}

/// The address of an instruction, and how often it was executed: `0x1f0 0 64`.
fn executed(line: &str) -> Option<(u64, f64)> {
    let mut words = line.strip_prefix("0x")?.split(' ');
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    Some((address, words.nth(1)?.parse().ok()?))
}
