//! The explanation of one field.

use crate::escape::cut;
use crate::explain::breach::Breach;
use crate::explain::piece::Piece;
use serde::Serialize;

/// More breaches are counted, and not shown.
const MOST: usize = 32;

/// A field, part by part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Explanation {
    pub(crate) field: &'static str,
    /// The header's name, as it is spelt in a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<String>,
    /// Whether all of it counts.
    pub(crate) valid: bool,
    /// The values of its headers.
    pub(crate) values: Vec<String>,
    pub(crate) parts: Vec<Part>,
    pub(crate) breaches: Vec<Broken>,
    pub(crate) more_breaches: usize,
    pub(crate) remarks: Vec<Remark>,
}

/// A part of the field that counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Which of several headers, from 0.
    pub(crate) line: usize,
    /// Where it begins in that header's value, from 0.
    pub(crate) byte: usize,
    /// Behind its last byte.
    pub(crate) end: usize,
    /// Decoded, where its grammar has a code.
    pub(crate) value: String,
    pub(crate) meaning: String,
}

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Broken {
    pub(crate) rule: &'static str,
    pub(crate) specification: &'static str,
    pub(crate) section: &'static str,
    pub(crate) line: usize,
    pub(crate) byte: usize,
    pub(crate) end: usize,
    /// The bytes that break it, cut and cleaned.
    pub(crate) bytes: String,
    pub(crate) what: &'static str,
    pub(crate) consequence: &'static str,
}

/// What is worth knowing, and breaks nothing here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Remark {
    pub(crate) line: usize,
    pub(crate) byte: usize,
    pub(crate) what: String,
}

impl Explanation {
    pub(crate) fn new(field: &'static str, lines: &[&str]) -> Self {
        Self {
            field,
            header: None,
            valid: true,
            values: lines.iter().map(|line| (*line).to_owned()).collect(),
            parts: Vec::new(),
            breaches: Vec::new(),
            more_breaches: 0,
            remarks: Vec::new(),
        }
    }

    pub(crate) fn part(
        &mut self,
        name: impl Into<String>,
        line: usize,
        piece: Piece<'_>,
        meaning: impl Into<String>,
    ) {
        self.parts.push(Part {
            name: name.into(),
            line,
            byte: piece.start,
            end: piece.end(),
            value: piece.text.to_owned(),
            meaning: meaning.into(),
        });
    }

    pub(crate) fn breach(&mut self, breach: Breach) {
        self.valid = false;
        if self.breaches.len() >= MOST {
            self.more_breaches += 1;
            return;
        }
        let line = self.values.get(breach.line).map_or("", String::as_str);
        let bytes = line.get(breach.start..breach.end).unwrap_or_default();
        self.breaches.push(Broken {
            rule: breach.rule.name(),
            specification: breach.rule.specification(),
            section: breach.rule.section(),
            line: breach.line,
            byte: breach.start,
            end: breach.end,
            bytes: cut(bytes, 40),
            what: breach.rule.sentence(),
            consequence: breach.rule.loss().sentence(),
        });
    }

    pub(crate) fn remark(&mut self, line: usize, byte: usize, what: impl Into<String>) {
        if self.remarks.len() < MOST {
            self.remarks.push(Remark {
                line,
                byte,
                what: what.into(),
            });
        }
    }
}
