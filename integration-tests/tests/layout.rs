//! The tree of the crates in CONTRIBUTING.md has a line for each file, and no other; its layers hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ADAPTERS: [&str; 3] = ["lapin", "rdkafka", "async-nats"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of the crates, such as `crates/otel-messaging/src/carrier/maps.rs` without its `src/`.
fn files() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let crates = fs::read_dir(root().join("crates")).expect("crates");
    for entry in crates {
        let source = entry.expect("a crate").path().join("src");
        collect(&source, &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
            continue;
        }
        let path = path.strip_prefix(root()).expect("below the root");
        let path = path.to_str().expect("UTF-8").replace("/src/", "/");
        let is_listed_elsewhere = ["/mod.rs", "/tests.rs", "/headers/conformance.rs"]
            .iter()
            .any(|end| path.ends_with(end));
        // The front page of an adapter is its README.
        let is_front_page = path.ends_with("/lib.rs") && path != "crates/otel-messaging/lib.rs";
        if !is_listed_elsewhere && !is_front_page {
            found.insert(path);
        }
    }
}

fn tree() -> String {
    let page = fs::read_to_string(root().join("CONTRIBUTING.md")).expect("the page");
    let tree = page.split("```text\n").nth(1).expect("the tree");
    tree.split("```").next().expect("its end").to_owned()
}

/// The files in the tree.
fn listed() -> BTreeSet<String> {
    let tree = tree();
    let mut listed = BTreeSet::new();
    let (mut bases, mut folder) = (Vec::new(), String::new());
    for line in tree.lines() {
        let words = || line.split_whitespace();
        let Some(first) = words().next() else {
            continue;
        };
        if line.starts_with("crates/") {
            bases = match first.split_once("<client>") {
                Some((base, rest)) => ADAPTERS.map(|name| format!("{base}{name}{rest}")).into(),
                None => vec![first.to_owned()],
            };
            folder.clear();
        } else if first.ends_with('/') {
            folder = first.to_owned();
        } else {
            if !line.starts_with("    ") {
                folder.clear();
            }
            let is_room = bases.len() > 1;
            let names = words().take_while(|word| word.ends_with(".rs"));
            for name in names.filter(|name| !(is_room && *name == "lib.rs")) {
                listed.extend(bases.iter().map(|base| format!("{base}{folder}{name}")));
            }
        }
    }
    listed
}

#[test]
fn the_tree_has_a_line_for_each_file_and_no_other() {
    let (files, listed) = (files(), listed());
    let missing: Vec<_> = files.difference(&listed).collect();
    assert!(missing.is_empty(), "not in the tree: {missing:#?}");
    let gone: Vec<_> = listed.difference(&files).collect();
    assert!(gone.is_empty(), "in the tree, and nowhere else: {gone:#?}");
}

/// The folders of the core, the highest first.
fn layers() -> Vec<String> {
    let tree = tree();
    let core = tree.split("\n\n").next().expect("the core");
    let folders = core.lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?.split_whitespace().next()?;
        let is_folder = !line.starts_with("   ") && name.ends_with('/');
        is_folder.then(|| name.trim_end_matches('/').to_owned())
    });
    folders.collect()
}

#[test]
fn a_folder_of_the_core_uses_only_folders_below_it() {
    let layers = layers();
    let source = root().join("crates/otel-messaging/src");
    let height = |folder: &str| layers.iter().position(|layer| layer == folder);
    let mut upwards = Vec::new();
    for path in files() {
        let Some(path) = path.strip_prefix("crates/otel-messaging/") else {
            continue;
        };
        let Some(own) = path.split_once('/').and_then(|(folder, _)| height(folder)) else {
            continue;
        };
        let code = fs::read_to_string(source.join(path)).expect("a file");
        let lines = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for used in lines.flat_map(|line| line.split("crate::").skip(1)) {
            let folder = used.split("::").next().unwrap_or_default();
            if height(folder).is_some_and(|other| other < own) {
                upwards.push(format!("{path} uses {folder}/"));
            }
        }
    }
    assert!(layers.len() > 10, "{layers:?}");
    assert!(upwards.is_empty(), "{upwards:#?}");
}
