//! The runtime that a program runs on.

use std::mem;
use tokio::runtime::Runtime;

/// Runs a program to its end, and waits for nothing else.
///
/// The runtime stays until the process ends, which follows. A client may still look up a name, or
/// say goodbye to a dead broker: it is not waited for, and it does not lose the runtime under it
/// either. lapin connects on a thread of its own, which panics onto the terminal when it does.
///
/// # Errors
///
/// The program's own, or that there is no runtime.
pub fn run<T>(program: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Runtime::new()?;
    let outcome = runtime.block_on(program);
    mem::forget(runtime);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;
    use tokio::runtime::Handle;

    /// lapin's thread does this for each name that it looks up.
    #[test]
    fn a_thread_of_a_client_finds_the_runtime_after_the_program() {
        let (end, ended) = mpsc::channel();
        let client = run(async {
            let runtime = Handle::current();
            Ok(thread::spawn(move || {
                ended.recv().expect("the program ends");
                runtime.block_on(runtime.spawn_blocking(|| "an address"))
            }))
        });
        end.send(()).expect("the thread waits");
        let found = client.expect("a thread").join().expect("no panic");
        assert_eq!(found.expect("a task that was run"), "an address");
    }
}
