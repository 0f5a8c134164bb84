//! Where the client, the table and the list do not agree, one line each.

use crate::client::Client;
use crate::outside::{Outside, covers};
use crate::table::Table;
use std::collections::{BTreeMap, BTreeSet};

/// Calls that are nowhere or twice, and lines without a call.
pub(crate) fn differences(
    client: &Client,
    surface: &BTreeSet<String>,
    table: &Table,
    outside: &Outside,
) -> Vec<String> {
    let (readme, list) = (client.readme(), client.list());
    let mut found = Vec::new();
    for (line, fault) in &table.faults {
        found.push(format!("{readme}:{line}: {fault}"));
    }
    for (line, fault) in &outside.faults {
        found.push(format!("{list}:{line}: {fault}"));
    }
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for (line, call) in &table.calls {
        if let Some(first) = rows.insert(call, *line) {
            found.push(format!("{readme}:{line}: `{call}` is on line {first} too"));
        }
        if !surface.contains(call) {
            found.push(format!(
                "{readme}:{line}: {} has no public `{call}`: take it out",
                client.package
            ));
        }
    }
    for (line, entry) in &outside.entries {
        if !surface.iter().any(|call| covers(entry, call)) {
            found.push(format!(
                "{list}:{line}: {} has no public `{entry}`: take it out",
                client.package
            ));
        }
    }
    for call in surface {
        let entries = outside
            .entries
            .iter()
            .filter(|(_, entry)| covers(entry, call));
        let places = rows
            .get(call.as_str())
            .map(|line| format!("{readme}:{line}"));
        let places = places
            .into_iter()
            .chain(entries.map(|(line, _)| format!("{list}:{line}")));
        let places: Vec<String> = places.collect();
        match places.len() {
            0 => found.push(format!(
                "`{call}` of {} is nowhere: if it sends, receives or settles a message, it \
                 belongs in a table of {readme}, else in {list}",
                client.package
            )),
            1 => {}
            _ => found.push(format!(
                "`{call}` is in {}: take one out",
                places.join(" and ")
            )),
        }
    }
    found
}
