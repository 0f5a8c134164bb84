//! What must never be printed.

use crate::error::Error;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

/// A password, or text that may have one in it, such as a URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// What is in the file if there is one, and else what was given.
    pub(crate) fn chosen(
        option: &str,
        file: Option<&Path>,
        given: Option<&Secret>,
    ) -> Result<Option<Self>, Error> {
        match file {
            Some(file) => Self::from_file(option, file).map(Some),
            None => Ok(given.cloned()),
        }
    }

    /// Reads a file without the line break at its end. `option` names it in an error.
    pub(crate) fn from_file(option: &str, path: &Path) -> Result<Self, Error> {
        Ok(Self(
            read(option, path)?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        ))
    }

    /// For the client alone.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// A file that an option names.
pub(crate) fn read(option: &str, path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| unreadable(option, path, &error))
}

/// Tells early, and by the option, that a file is not there.
pub(crate) fn can_be_read(option: &str, path: &Path) -> Result<(), Error> {
    let opened = std::fs::File::open(path).map(drop);
    opened.map_err(|error| unreadable(option, path, &error))
}

fn unreadable(option: &str, path: &Path, error: &io::Error) -> Error {
    let path = path.display();
    Error::new(format_args!(
        "{option} {path}: cannot read the file: {error}"
    ))
}

/// Never fails, because clap would print the value.
impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
