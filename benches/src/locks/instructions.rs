//! The instructions of a program or library by which a lock is taken.

use anyhow::{Context, Result};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;

/// What locks a span, as the standard library names it for its type.
const LOCK_OF_SPAN: &str = "lock<opentelemetry::global::trace::BoxedSpan>";

/// Their addresses in each file.
#[derive(Default)]
pub(crate) struct Instructions(HashMap<String, HashSet<u64>>);

impl Instructions {
    /// Whether the instruction at this address of a file takes a lock.
    pub(crate) fn lock(&mut self, object: &str, address: u64) -> Result<bool> {
        if let Some(addresses) = self.0.get(object) {
            return Ok(addresses.contains(&address));
        }
        let addresses = locking(Path::new(object))?;
        let found = addresses.contains(&address);
        self.0.insert(object.to_owned(), addresses);
        Ok(found)
    }

    /// Whether it is the lock of a span, wherever the compiler has put it.
    pub(crate) fn is_of_span(&self, object: &str, address: u64) -> Result<bool> {
        let mut addr2line = Command::new("addr2line");
        addr2line.args(["-i", "-f", "-C", "-e", object, &format!("{address:#x}")]);
        let text = addr2line.output().context("addr2line, of binutils")?.stdout;
        Ok(String::from_utf8_lossy(&text).contains(LOCK_OF_SPAN))
    }
}

/// The addresses of atomic compare-and-exchanges of 32 bits and of 8 bits. The locks of the standard library and of
/// pthreads use those of 32 bits, and `parking_lot` uses those of 8. A reference count is no lock: it has 64 bits, and
/// the program adds to it.
fn locking(object: &Path) -> Result<HashSet<u64>> {
    if !object.is_file() {
        return Ok(HashSet::new());
    }
    let mut objdump = Command::new("objdump");
    objdump.args(["-d", "--no-show-raw-insn"]).arg(object);
    let text = objdump.output().context("objdump, of binutils")?.stdout;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter_map(lock).collect())
}

/// The address in `1f0: lock cmpxchg %ecx,(%rdi)`, where objdump has a tab behind the colon.
fn lock(line: &str) -> Option<u64> {
    let (address, instruction) = line.trim_start().split_once(":\t")?;
    let operands = instruction.strip_prefix("lock cmpxchg ")?;
    let register = operands.trim_start().strip_prefix('%')?.split(',').next()?;
    let is_short = register.starts_with('e') || register.ends_with(['d', 'b', 'l']);
    is_short.then(|| u64::from_str_radix(address, 16).ok())?
}
