//! What a call of the library may cost and say.

use crate::log;
use allocation_counter::measure;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How many bytes a call may allocate in all: what it is given, this often, and something for
/// each of the few entries that the W3C limits let through.
const FACTOR: u64 = 8;
const ENTRIES: u64 = 16 * 1024;

/// Runs `work`, which reads and writes about `bytes` bytes, and holds it to a bounded amount of
/// memory and to one line of log without anything of `input` in it.
pub fn bounded<T>(bytes: usize, input: &[u8], work: impl FnOnce() -> T) -> T {
    log::take();
    let mut result = None;
    let cost = measure(|| result = Some(work()));
    let limit = FACTOR * bytes as u64 + ENTRIES;
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

fn check_log(input: &[u8]) {
    static START: OnceLock<Instant> = OnceLock::new();
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
