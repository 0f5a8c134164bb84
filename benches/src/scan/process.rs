//! A program that is run to its end and watched.

use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) struct Ran {
    pub(crate) took: Duration,
    /// The most memory that it had at once, in KiB: `VmHWM` of Linux.
    pub(crate) peak_kib: u64,
    pub(crate) said: String,
}

pub(crate) fn run(program: &Path, arguments: impl FnOnce(&mut Command)) -> Result<Ran> {
    let mut command = Command::new(program);
    arguments(&mut command);
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| program.display().to_string())?;
    let mut output = child.stdout.take().context("piped")?;
    let said = thread::spawn(move || {
        let mut said = String::new();
        output.read_to_string(&mut said).map(|_| said)
    });
    let mut peak_kib = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // The kernel keeps the maximum, so only what the last instant adds is missed.
        peak_kib = peak(child.id()).unwrap_or(0).max(peak_kib);
        thread::sleep(Duration::from_millis(2));
    };
    let took = began.elapsed();
    ensure!(status.success(), "{}: {status}", program.display());
    let said = said.join().ok().context("its output was not read")??;
    Ok(Ran {
        took,
        peak_kib,
        said,
    })
}

fn peak(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
