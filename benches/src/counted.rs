//! The function that is measured.

use gungraun::{Callgrind, EntryPoint};
use std::hint::black_box;

/// How the tools find the function that is measured.
pub const COUNTED: &str = "*benches::counted::counted*";

/// Does `work`. Whatever is executed and allocated in here is counted, and nothing else: the tools
/// find this function by its name.
#[inline(never)]
pub fn counted<I, O>(input: I, work: impl Fn(I) -> O) -> O {
    black_box(work(black_box(input)))
}

/// How callgrind counts what is done in [`counted`]. With addresses: the report finds the first instruction of `malloc`
/// by them.
pub fn instructions() -> Callgrind {
    let mut callgrind = Callgrind::with_args(["--cache-sim=no", "--dump-instr=yes"]);
    callgrind.entry_point(EntryPoint::Custom(COUNTED.to_owned()));
    callgrind
}
