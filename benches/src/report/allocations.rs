//! Allocations, from what callgrind has counted: it counts how often the first instruction of `malloc` was executed, and
//! of the others that allocate. DHAT counts the same in a run of its own.

use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The functions of the C library that take memory, for Rust and for C.
const FUNCTIONS: [&str; 6] = [
    "malloc",
    "calloc",
    "realloc",
    "aligned_alloc",
    "memalign",
    "posix_memalign",
];

/// Of all threads of the cell whose folder this is.
pub(super) fn of(folder: &Path) -> Result<u64> {
    let mut all = 0;
    for file in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("callgrind.") && name.ends_with(".out") {
            all += in_profile(&fs::read_to_string(&path)?);
        }
    }
    Ok(all)
}

/// In a profile by instruction (`--dump-instr=yes`): below the name of a function stand lines of an address, a line and
/// a count. The line behind `calls=` has the address of the call, and what the called function cost.
fn in_profile(profile: &str) -> u64 {
    let known = |name: &str| FUNCTIONS.into_iter().find(|known| *known == name);
    let mut counts: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    // `realloc` without a block calls `malloc`, and so on: that is one allocation.
    let mut handed_on = BTreeSet::new();
    let (mut function, mut called, mut is_of_call) = (None, None, false);
    for line in profile.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = known(name);
        } else if let Some(name) = line.strip_prefix("cfn=") {
            called = known(name);
        } else if line.starts_with("calls=") {
            is_of_call = true;
        } else if let Some((address, count)) = cost(line) {
            let is_of_call = std::mem::take(&mut is_of_call);
            match function {
                Some(function) if is_of_call && called.is_some() => {
                    handed_on.insert((function, address));
                }
                Some(function) if !is_of_call => {
                    *counts.entry((function, address)).or_default() += count;
                }
                _ => {}
            }
        }
    }
    let first = FUNCTIONS.iter().filter_map(|function| {
        let mut of_function = counts.range((*function, 0)..=(*function, u64::MAX));
        of_function.next().map(|(_, count)| *count)
    });
    let twice = handed_on.iter().filter_map(|at| counts.get(at));
    first.sum::<u64>().saturating_sub(twice.sum())
}

/// The address of an instruction, and how often it was executed.
fn cost(line: &str) -> Option<(u64, u64)> {
    let mut parts = line.strip_prefix("0x")?.split(' ');
    let address = u64::from_str_radix(parts.next()?, 16).ok()?;
    Some((address, parts.nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::in_profile;

    #[test]
    fn only_the_first_instruction_of_each_function_counts() {
        let profile = "\
fn=_int_malloc
0x90 0 50
fn=malloc
0x110 0 7
0x100 0 3
0x104 0 3
cfn=_int_malloc
calls=3 0x90 0
0xf0 0 50
fn=work
0x200 0 1
cfn=malloc
calls=99 0x100 0
0x204 0 900
fn=realloc
0x300 0 2
0x304 0 1
cfn=malloc
calls=5 0x100 0
0x304 0 30
fn=malloc
0x100 0 4
";
        // One of the calls of `realloc` hands on to `malloc`.
        assert_eq!(in_profile(profile), 3 + 4 + 2 - 1);
    }
}
