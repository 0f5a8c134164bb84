//! What a command writes.

use crate::error::Error;
use crate::escape;
use serde::Serialize;
use std::io::{self, Write};

/// Writes text to standard output, with colours where it is a terminal that has them.
pub(super) fn text(text: &str) -> Result<(), Error> {
    bytes(text.as_bytes())
}

/// Writes bytes of text, as [`text`] does.
pub(super) fn bytes(bytes: &[u8]) -> Result<(), Error> {
    let mut output = anstream::stdout().lock();
    let written = output.write_all(bytes);
    match written.and_then(|()| output.flush()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| {
            Error::new(format_args!("standard output cannot be written: {error}"))
        }),
    }
}

/// Writes JSON to standard output.
pub(super) fn json(value: &impl Serialize) -> Result<(), Error> {
    text(&pretty(value)?)
}

/// Without characters that steer a terminal.
fn pretty(value: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Error::new(format_args!("the result is not JSON: {error}")))?;
    Ok(format!("{}\n", escape::json(&json)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_harmless_for_a_terminal() {
        let json = pretty(&["a\u{9b}\u{202e}\u{1b}"]).unwrap();
        assert_eq!(json, "[\n  \"a\\u009b\\u202e\\u001b\"\n]\n");
    }
}
