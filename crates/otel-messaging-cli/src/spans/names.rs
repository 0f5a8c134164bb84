//! Names that occur in many spans, each kept once.

use super::span::Name;
use std::collections::HashMap;
use std::sync::Arc;

/// Names beyond so many are forgotten: a file may have a queue for each span.
const MOST: usize = 100_000;
/// Characters of a name that are kept.
const LONGEST: usize = 255;

/// The names of services and destinations.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: HashMap<Arc<str>, Name>,
    texts: Vec<Arc<str>>,
}

impl Names {
    pub(crate) fn keep(&mut self, text: &str) -> Name {
        // What is read reaches a terminal.
        let clean: String = text
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .take(LONGEST)
            .collect();
        if clean.is_empty() {
            return Name::default();
        }
        if let Some(&name) = self.known.get(clean.as_str()) {
            return name;
        }
        if self.texts.len() >= MOST {
            return Name::default();
        }
        let text: Arc<str> = clean.into();
        self.texts.push(text.clone());
        let name = Name(u32::try_from(self.texts.len()).unwrap_or_default());
        self.known.insert(text, name);
        name
    }

    /// The text of a name, if it is one.
    pub(crate) fn text(&self, name: Name) -> Option<&str> {
        let index = (name.0 as usize).checked_sub(1)?;
        self.texts.get(index).map(|text| &**text)
    }
}
