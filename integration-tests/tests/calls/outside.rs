//! The checked-in list of a client's calls that neither send, receive nor settle a message.

/// Groups of lines, each group below comment lines that say why; in a group, sorted, `Type::method`
/// or `Type: Trait` as the source has it, or `Type::*` for all of a type.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) entries: Vec<(usize, String)>,
    /// What is wrong with the list itself, and where.
    pub(crate) faults: Vec<(usize, String)>,
}

impl Outside {
    pub(crate) fn of_list(text: &str) -> Self {
        let mut outside = Self::default();
        // In a group, the entry before; outside of one, nothing.
        let mut before: Option<String> = None;
        for (line, text) in (1..).zip(text.lines()) {
            if text.is_empty() {
                before = None;
                continue;
            }
            if text.starts_with('#') {
                before = Some(String::new());
                continue;
            }
            let entry = text.to_owned();
            let fault = match &before {
                None => Some("a group begins with a comment that says why".to_owned()),
                Some(before) if *before >= entry => Some(format!("`{entry}` is not sorted")),
                Some(_) => None,
            };
            outside.faults.extend(fault.map(|fault| (line, fault)));
            before = Some(entry.clone());
            outside.entries.push((line, entry));
        }
        outside
    }
}

/// Whether an entry stands for a call.
pub(crate) fn covers(entry: &str, call: &str) -> bool {
    entry
        .strip_suffix("::*")
        .map_or(entry == call, |subject| owner(call) == Some(subject))
}

/// The type, trait or module of a call.
fn owner(call: &str) -> Option<&str> {
    let (owner, _) = call.split_once(": ").or_else(|| call.rsplit_once("::"))?;
    Some(owner)
}
