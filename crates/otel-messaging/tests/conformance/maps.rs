//! The string maps of the standard library, and the context that is kept in one.

use otel_messaging::ContextCarrier;
use otel_messaging::adapter::TextMap;
use otel_messaging::conformance::{Entry, Rule, Subject, check};
use std::collections::{BTreeMap, HashMap};

/// What a map cannot have: values that are no text, and a limit.
const UNTESTED: [Rule; 2] = [Rule::Unreadable, Rule::Room];

fn pairs(entries: &[Entry<'_>]) -> Option<Vec<(String, String)>> {
    let pairs = entries
        .iter()
        .map(Entry::as_text)
        .collect::<Option<Vec<_>>>()?;
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Some(pairs.into_iter().map(owned).collect())
}

fn bytes<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| (name.clone().into(), value.clone().into()))
        .collect()
}

struct Hash;

impl Subject for Hash {
    type Marker = TextMap;
    type Headers = HashMap<String, String>;

    const ORDERED: bool = false;

    fn build(&self, entries: &[Entry<'_>]) -> Option<Self::Headers> {
        let headers: HashMap<_, _> = pairs(entries)?.into_iter().collect();
        (headers.len() == entries.len()).then_some(headers)
    }

    fn list(&self, headers: &Self::Headers) -> Vec<(Vec<u8>, Vec<u8>)> {
        bytes(headers)
    }
}

struct BTree;

impl Subject for BTree {
    type Marker = TextMap;
    type Headers = BTreeMap<String, String>;

    const ORDERED: bool = false;

    fn build(&self, entries: &[Entry<'_>]) -> Option<Self::Headers> {
        let headers: BTreeMap<_, _> = pairs(entries)?.into_iter().collect();
        (headers.len() == entries.len()).then_some(headers)
    }

    fn list(&self, headers: &Self::Headers) -> Vec<(Vec<u8>, Vec<u8>)> {
        bytes(headers)
    }
}

struct Stored;

impl Subject for Stored {
    type Marker = TextMap;
    type Headers = ContextCarrier;

    const ORDERED: bool = false;

    fn build(&self, entries: &[Entry<'_>]) -> Option<Self::Headers> {
        BTree.build(entries).map(ContextCarrier::from)
    }

    fn list(&self, headers: &Self::Headers) -> Vec<(Vec<u8>, Vec<u8>)> {
        BTree.list(&headers.clone().into())
    }
}

#[test]
fn a_hash_map_keeps_the_rules() {
    assert_eq!(check(&Hash).unwrap().untested(), UNTESTED);
}

#[test]
fn a_tree_map_keeps_the_rules() {
    assert_eq!(check(&BTree).unwrap().untested(), UNTESTED);
}

#[test]
fn a_stored_context_keeps_the_rules() {
    assert_eq!(check(&Stored).unwrap().untested(), UNTESTED);
}
