//! The environment of a process to be started. Its names are normalised, so it has no spellings.

use otel_messaging::adapter::TextMap;
use otel_messaging::conformance::{Entry, Rule, Subject, Value, check, check_reading};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

struct Variables;

impl Subject for Variables {
    type Marker = TextMap;
    type Headers = Command;

    const ORDERED: bool = false;

    /// Under the names that the specification has for them.
    fn build(&self, entries: &[Entry<'_>]) -> Option<Command> {
        let mut command = Command::new("thumbnails");
        for entry in entries {
            let name = str::from_utf8(entry.name).ok()?.to_ascii_uppercase();
            let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            match entry.value {
                Value::Text(text) => command.env(name, text),
                Value::Bytes(bytes) => command.env(name, OsStr::from_bytes(bytes)),
                _ => return None,
            };
        }
        (command.get_envs().len() == entries.len()).then_some(command)
    }

    /// In lower case, as the kit asks for them.
    fn list(&self, command: &Command) -> Vec<(Vec<u8>, Vec<u8>)> {
        let set = command.get_envs().filter_map(|(name, value)| {
            let name = name.as_bytes().to_ascii_lowercase();
            Some((name, value?.as_bytes().to_owned()))
        });
        set.collect()
    }
}

#[test]
fn the_environment_keeps_the_rules_of_reading() {
    let report = check_reading(&Variables).unwrap();
    // No name stands there twice.
    let untested = [
        Rule::GetAll,
        Rule::EqualDuplicates,
        Rule::DifferingDuplicates,
        Rule::FieldSets,
    ];
    assert_eq!(report.untested(), untested);
}

/// The two want a header under the very name that was given, such as `x-order_7.id`. They are tried
/// by hand in `tests/core/environment.rs`.
#[test]
fn the_environment_keeps_all_others_but_those_of_names_as_they_are_given() {
    let violations = check(&Variables).unwrap_err();
    let broken: Vec<_> = violations
        .iter()
        .map(|violation| violation.rule())
        .collect();
    assert_eq!(broken, [Rule::SetRefuses, Rule::OthersKept], "{violations}");
}
