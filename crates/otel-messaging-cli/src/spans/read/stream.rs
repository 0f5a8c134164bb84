//! JSON values, one after the other, read while they come.

use super::document::{Document, Level};
use crate::spans::index::Index;
use serde::de::DeserializeSeed;
use std::fmt;
use std::io::{self, BufRead, Read};

/// How a stream of values ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Whole,
    /// In the middle of a value, as a file does that is written right now.
    CutOff,
}

/// Why a stream of values could not be read.
#[derive(Debug)]
pub(crate) struct Failure {
    line: usize,
    what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// The form that spans have to have.
const EXPECTED: &str = "expected spans: an object such as {\"resourceSpans\": …}, as OTLP's JSON has it, or \
    {\"data\": …}, as Jaeger's has it; or several of them";

/// Reads all values into the index. In memory are never more than one text of one span, and the index.
pub(crate) fn read(reader: impl BufRead, index: &mut Index) -> Result<Ending, Failure> {
    let mut reader = Lines {
        inner: reader,
        line: 1,
    };
    let mut first_line = None;
    loop {
        let next = reader.skip_space().map_err(|error| Failure {
            line: reader.line,
            what: error.to_string(),
        })?;
        let line = reader.line;
        match next {
            None => break,
            Some(b'{' | b'[') => {}
            Some(_) => {
                return Err(Failure {
                    line,
                    what: EXPECTED.to_owned(),
                });
            }
        }
        first_line = first_line.or(Some(line));
        let mut deserializer = serde_json::Deserializer::from_reader(&mut reader);
        let level = Level::Outer;
        let Err(error) = Document { index, level }.deserialize(&mut deserializer) else {
            continue;
        };
        if error.is_eof() && index.is_recognised {
            return Ok(Ending::CutOff);
        }
        let what = error.to_string();
        // The line is counted anew in each value.
        let what = what
            .rsplit_once(" at line ")
            .map_or(&*what, |(what, _)| what);
        return Err(Failure {
            line: line + error.line().saturating_sub(1),
            what: if index.is_recognised {
                what.to_owned()
            } else {
                format!("{what}; {EXPECTED}")
            },
        });
    }
    if index.is_recognised {
        return Ok(Ending::Whole);
    }
    Err(Failure {
        line: first_line.unwrap_or(1),
        what: EXPECTED.to_owned(),
    })
}

/// A reader that knows its line.
struct Lines<R> {
    inner: R,
    line: usize,
}

impl<R: BufRead> Lines<R> {
    /// The first byte that is not white space, which stays to be read.
    fn skip_space(&mut self) -> io::Result<Option<u8>> {
        loop {
            let Some(&next) = self.inner.fill_buf()?.first() else {
                return Ok(None);
            };
            match next {
                b'\n' => self.line += 1,
                // White space, a byte order mark, and the separator of JSON text sequences.
                b' ' | b'\t' | b'\r' | 0xef | 0xbb | 0xbf | 0x1e => {}
                next => return Ok(Some(next)),
            }
            self.inner.consume(1);
        }
    }
}

impl<R: BufRead> Read for Lines<R> {
    /// One byte: serde_json asks for no more at a time.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (Some(place), Some(&next)) = (buffer.first_mut(), self.inner.fill_buf()?.first())
        else {
            return Ok(0);
        };
        *place = next;
        self.line += usize::from(next == b'\n');
        self.inner.consume(1);
        Ok(1)
    }
}
