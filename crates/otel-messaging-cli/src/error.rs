//! Why a command could not do its work: one line, and exit status 2.

use std::fmt;

/// What failed, with which value, and what to do, in one line.
#[derive(Debug)]
pub(crate) struct Error(String);

impl Error {
    /// Line breaks become spaces: the texts of clients may have some.
    pub(crate) fn new(what: impl fmt::Display) -> Self {
        let what = what.to_string();
        Self(what.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
