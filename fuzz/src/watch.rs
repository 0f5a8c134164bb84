//! What a call of the library may cost and say.

use crate::log;
use allocation_counter::measure;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What a call may allocate in all, in bytes: what it is given, this often,
const FACTOR: u64 = 6;
/// this much for each entry of a list, of which the W3C limits let some through: in OpenTelemetry's
/// own types, twice for a baggage that reaches a limit or repeats a key, and in the map that then
/// finds its keys,
const ENTRY: u64 = 1024;
const ENTRIES: u64 = 64;
/// and this much besides.
const BESIDES: u64 = 1024;

/// Before the library's own first look at the clock.
static START: OnceLock<Instant> = OnceLock::new();

/// Runs `work`, which reads and writes about `bytes` bytes, and holds it to a bounded amount of
/// memory and to one line of log without anything of `input` in it.
pub fn bounded<T>(bytes: usize, input: &[u8], work: impl FnOnce() -> T) -> T {
    log::take();
    START.get_or_init(Instant::now);
    let mut result = None;
    let cost = measure(|| result = Some(work()));
    let ends = input.iter().filter(|byte| matches!(byte, b',' | b'\n'));
    let entries = ENTRIES.min(1 + ends.count() as u64);
    let limit = FACTOR * bytes as u64 + ENTRY * entries + BESIDES;
    assert!(
        cost.bytes_total <= limit,
        "{} bytes allocated for {bytes}",
        cost.bytes_total
    );
    check_log(input);
    result.expect("a result")
}

/// Runs `work`, which allocates nothing.
pub fn free(work: impl FnOnce()) {
    let cost = measure(work);
    assert_eq!(cost.count_total, 0, "{} bytes allocated", cost.bytes_total);
}

/// Runs `work`, which allocates nothing but room to sort so many entries in.
pub fn sorting(entries: usize, work: impl FnOnce()) {
    let cost = measure(work);
    // A vector of references that grows by doubling.
    let limit = if entries < 2 {
        0
    } else {
        64 + 64 * entries as u64
    };
    assert!(
        cost.bytes_total <= limit,
        "{} bytes allocated",
        cost.bytes_total
    );
}

fn check_log(input: &[u8]) {
    static LINES: AtomicU64 = AtomicU64::new(0);
    let lines = log::take();
    let minutes = START.get_or_init(Instant::now).elapsed().as_secs() / 60;
    let [line] = lines.as_slice() else {
        assert!(lines.is_empty(), "more than one line of log: {lines:?}");
        return;
    };
    // One a minute for what came in, one for what could not be written.
    let so_far = LINES.fetch_add(1, Ordering::Relaxed) + 1;
    assert!(so_far <= 2 * (minutes + 1), "too many lines: {line}");
    for part in input.windows(8) {
        // A line may well have the words that a fuzzer finds.
        let words = |byte: &u8| byte.is_ascii_lowercase() || *byte == b' ';
        let telling = !part.iter().all(words);
        let found = line.as_bytes().windows(8).any(|window| window == part);
        assert!(!(telling && found), "the line says what came in: {line}");
    }
}
