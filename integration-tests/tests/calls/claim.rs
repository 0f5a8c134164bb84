//! What the tests say they call.

use crate::client::client_of;
use crate::source::for_tests;
use crate::table::code_spans;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::{Attribute, Block, Expr, ImplItem, Item, Lit, Meta, TraitItem};

/// A line such as "Calls: `Type::method`, `Type: Trait`." in a function's documentation, up to the
/// end of its paragraph. "Calls of lapin: .." where the file's name does not tell the client.
pub(crate) struct Claim {
    /// The package of the client, or nothing if neither the line nor the file tells.
    pub(crate) client: Option<String>,
    pub(crate) call: String,
    /// The file and the function.
    pub(crate) place: String,
    /// Why the claim does not hold, if it does not.
    pub(crate) fault: Option<&'static str>,
}

/// The claims in all of this package's tests, and in the scenarios that they run.
pub(crate) fn claims() -> Vec<Claim> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "tests"] {
        add_folder(root, Path::new(folder), &mut found);
    }
    found
}

fn add_folder(root: &Path, folder: &Path, found: &mut Vec<Claim>) {
    let entries = std::fs::read_dir(root.join(folder)).expect("a folder");
    let entries = entries.map(|entry| folder.join(entry.expect("an entry").file_name()));
    // Here claims are made up.
    for path in entries.filter(|path| !path.ends_with("tests/calls")) {
        if root.join(&path).is_dir() {
            add_folder(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(root.join(&path)).expect("text");
            found.extend(claims_in(&path, &text));
        }
    }
}

/// The claims in one file, whose path is relative to this package.
pub(crate) fn claims_in(path: &Path, text: &str) -> Vec<Claim> {
    let file = syn::parse_file(text).expect("Rust");
    let mut functions = Vec::new();
    add_functions(&file.items, &mut functions);
    let mut words: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for function in &functions {
        let words = words.entry(function.name.clone()).or_default();
        add_words(function.body.to_token_stream(), words);
    }
    let mut claims = Vec::new();
    for function in &functions {
        let unrun = if path.starts_with("tests") && !is(function.attributes, "test") {
            Some("the function is no test")
        } else if is(function.attributes, "ignore") {
            Some("the test is ignored")
        } else {
            None
        };
        let mut used = BTreeSet::new();
        add_used(&function.name, &words, &mut used);
        for (client, call) in claimed(function.attributes) {
            let method = call.rsplit_once("::").map_or(&*call, |(_, method)| method);
            let unnamed = !call.contains(": ") && !used.contains(method);
            claims.push(Claim {
                client: client.or_else(|| client_of(path).map(str::to_owned)),
                place: format!("{}: {}", path.display(), function.name),
                fault: unrun.or(unnamed.then_some("the method's name is not in its body")),
                call,
            });
        }
    }
    claims
}

struct Function<'a> {
    name: String,
    attributes: &'a [Attribute],
    body: &'a Block,
}

fn add_functions<'a>(items: &'a [Item], found: &mut Vec<Function<'a>>) {
    for item in items {
        match item {
            Item::Fn(item) => {
                let name = item.sig.ident.to_string();
                let (attributes, body) = (&item.attrs, &item.block);
                found.push(Function {
                    name,
                    attributes,
                    body,
                });
            }
            Item::Impl(item) => {
                for item in &item.items {
                    if let ImplItem::Fn(item) = item {
                        let name = item.sig.ident.to_string();
                        let (attributes, body) = (&item.attrs, &item.block);
                        found.push(Function {
                            name,
                            attributes,
                            body,
                        });
                    }
                }
            }
            Item::Trait(item) => {
                for item in &item.items {
                    if let TraitItem::Fn(item) = item
                        && let Some(body) = &item.default
                    {
                        let name = item.sig.ident.to_string();
                        let attributes = &item.attrs;
                        found.push(Function {
                            name,
                            attributes,
                            body,
                        });
                    }
                }
            }
            Item::Mod(item) if !for_tests(&item.attrs) => {
                if let Some((_, items)) = &item.content {
                    add_functions(items, found);
                }
            }
            _ => {}
        }
    }
}

/// Whether an attribute is `#[name]` or `#[path::name]`, with or without arguments.
fn is(attributes: &[Attribute], name: &str) -> bool {
    let mut last = attributes
        .iter()
        .filter_map(|attribute| attribute.path().segments.last());
    last.any(|segment| segment.ident == name)
}

/// The identifiers of a body, those in macros as well.
fn add_words(tokens: TokenStream, words: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(word) => {
                words.insert(word.to_string());
            }
            TokenTree::Group(group) => add_words(group.stream(), words),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Adds the identifiers of a function and of those functions in its file that it names.
fn add_used(
    function: &str,
    words: &BTreeMap<String, BTreeSet<String>>,
    used: &mut BTreeSet<String>,
) {
    for word in words.get(function).into_iter().flatten() {
        if used.insert(word.clone()) {
            add_used(word, words, used);
        }
    }
}

/// The calls in the documentation, each with its client where that is named.
fn claimed(attributes: &[Attribute]) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    // In a claim, its client; outside of one, nothing.
    let mut claim = None;
    for line in attributes.iter().filter_map(documentation) {
        let text = line.trim();
        if text.is_empty() {
            claim = None;
        } else if text.starts_with("Calls: ") {
            claim = Some(None);
        } else if let Some(rest) = text.strip_prefix("Calls of ")
            && let Some((client, _)) = rest.split_once(": ")
        {
            claim = Some(Some(client.to_owned()));
        }
        if let Some(client) = &claim {
            found.extend(
                code_spans(text)
                    .into_iter()
                    .map(|call| (client.clone(), call)),
            );
        }
    }
    found
}

fn documentation(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(value) => match &value.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
