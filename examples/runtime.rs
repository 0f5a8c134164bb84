//! The runtime that a program runs on.

use tokio::runtime::Runtime;

/// Runs a program to its end, and its other tasks and threads no longer: one of them may still look up
/// a name or say goodbye to a dead broker.
///
/// # Errors
///
/// The program's own, or that there is no runtime.
pub fn run<T>(program: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Runtime::new()?;
    let outcome = runtime.block_on(program);
    runtime.shutdown_background();
    outcome
}
