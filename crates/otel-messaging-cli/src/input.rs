//! A value from the command line, or from standard input.

use crate::error::Error;
use std::io::{self, Read};

/// Far more than the headers of a message can be.
const MOST: u64 = 16 << 20;

/// The value that is given; standard input if there is none, or `-`. The newline at its end is not part of it.
pub(crate) fn value(given: Option<String>) -> Result<String, Error> {
    match given {
        Some(given) if given != "-" => Ok(given),
        _ => read(io::stdin().lock()),
    }
}

fn read(input: impl Read) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let read = input.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::new(format_args!("standard input cannot be read: {error}")))?;
    if bytes.len() as u64 > MOST {
        let what = "standard input has more than 16 MiB: give the headers of one message";
        return Err(Error::new(what));
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::new(format_args!(
            "standard input is not UTF-8 from byte {at} on: give text"
        ))
    })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_at_the_end_is_left_out() {
        for (input, value) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("", ""),
            ("a ", "a "),
        ] {
            assert_eq!(read(input.as_bytes()).unwrap(), value);
        }
    }

    #[test]
    fn what_is_no_text_or_too_much_is_an_error() {
        let error = read(b"ab\xff".as_slice()).unwrap_err().to_string();
        assert_eq!(
            error,
            "standard input is not UTF-8 from byte 2 on: give text"
        );
        let error = read(io::repeat(b'a')).unwrap_err().to_string();
        assert!(
            error.starts_with("standard input has more than 16 MiB"),
            "{error}"
        );
    }
}
