//! The function that is measured.

use std::hint::black_box;

/// Does `work`. Whatever is executed and allocated in here is counted, and nothing else: the tools
/// find this function by its name.
#[inline(never)]
pub fn counted<I, O>(input: I, work: impl Fn(I) -> O) -> O {
    black_box(work(black_box(input)))
}
