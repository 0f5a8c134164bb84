//! Where the client, the table, the list and the tests do not agree, one line each.

use crate::claim::Claim;
use crate::client::{CLIENTS, Client};
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

/// Calls in the client's table of which no test says that it makes them.
pub(crate) fn unclaimed(client: &Client, table: &Table, claims: &[Claim]) -> Vec<String> {
    let mine = claims
        .iter()
        .filter(|claim| claim.client.as_deref() == Some(client.package));
    let claimed: BTreeSet<&str> = mine.map(|claim| claim.call.as_str()).collect();
    let rows = table
        .calls
        .iter()
        .filter(|(_, call)| !claimed.contains(call.as_str()));
    let described = rows.map(|(line, call)| {
        let readme = client.readme();
        format!("{readme}:{line}: no test says that it calls `{call}`")
    });
    described.collect()
}

/// Claims that do not hold, or that are of no client.
pub(crate) fn unfounded(claims: &[Claim]) -> Vec<String> {
    let mut found = Vec::new();
    for claim in claims {
        let (place, call) = (&claim.place, &claim.call);
        let client = claim.client.as_deref();
        if !CLIENTS.iter().any(|known| Some(known.package) == client) {
            let packages = CLIENTS.map(|client| client.package).join(", ");
            found.push(format!("{place}: whose `{call}`? Calls of {packages}: .."));
        }
        if let Some(fault) = claim.fault {
            found.push(format!("{place} claims to call `{call}`, but {fault}"));
        }
    }
    found
}

/// Claims to calls of this client that are in no table.
pub(crate) fn unlisted(client: &Client, table: &Table, claims: &[Claim]) -> Vec<String> {
    let mine = claims
        .iter()
        .filter(|claim| claim.client.as_deref() == Some(client.package));
    let listed = |claim: &&Claim| table.calls.iter().any(|(_, call)| *call == claim.call);
    let described = mine.filter(|claim| !listed(claim)).map(|claim| {
        let readme = client.readme();
        format!(
            "{} claims to call `{}`, which is in no table of {readme}",
            claim.place, claim.call
        )
    });
    described.collect()
}
