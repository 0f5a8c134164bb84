//! Spans from a file or from standard input.

use super::index::Index;
use super::origin::SpansFrom;
use super::read::{Ending, read};
use crate::error::Error;
use indicatif::ProgressBar;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Reads a file into the index. The progress is in bytes.
pub(crate) fn read_file(
    path: &Path,
    index: &mut Index,
    progress: &ProgressBar,
) -> Result<Ending, Error> {
    let name = SpansFrom::File(path.to_owned());
    let file = File::open(path).map_err(|error| Error::new(format_args!("{name}: {error}")))?;
    progress.set_position(0);
    if let Ok(metadata) = file.metadata() {
        progress.set_length(metadata.len());
    }
    read_from(progress.wrap_read(file), &name, index)
}

/// Tells early that the file cannot be read. A pipe is not opened: that would wait for who writes it.
pub(crate) fn can_be_read(path: &Path) -> Result<(), Error> {
    let can = std::fs::metadata(path).and_then(|metadata| {
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if metadata.is_file() {
            File::open(path)?;
        }
        Ok(())
    });
    let name = SpansFrom::File(path.to_owned());
    can.map_err(|error| Error::new(format_args!("{name}: {error}")))
}

/// Reads a stream of bytes into the index.
pub(crate) fn read_from(
    bytes: impl Read,
    name: &SpansFrom,
    index: &mut Index,
) -> Result<Ending, Error> {
    let reader = BufReader::with_capacity(1 << 16, bytes);
    read(reader, index).map_err(|failure| Error::new(format_args!("{name}: {failure}")))
}
