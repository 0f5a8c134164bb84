//! What the names in a crate stand for, and which of them its users can write.

use crate::source::{ItemPath, Source};
use std::collections::{BTreeMap, BTreeSet};
use syn::{Item, ItemUse, UseTree, Visibility};

/// Re-exports of re-exports are followed this far.
const DEPTH: usize = 16;

pub(crate) struct Names<'a> {
    source: &'a Source,
    /// The shortest path that users can write, by the place of the definition.
    public: BTreeMap<ItemPath, ItemPath>,
    /// How many of those paths end in this one.
    ends: BTreeMap<ItemPath, usize>,
    /// The names in each module.
    scopes: BTreeMap<ItemPath, Scope>,
    /// The names in all of them. Others are of other crates.
    known: BTreeSet<String>,
}

#[derive(Default)]
struct Scope {
    defined: BTreeSet<String>,
    /// What stands for a path, by its name.
    imported: BTreeMap<String, ItemPath>,
    /// Modules all of whose names are here too.
    globs: Vec<ItemPath>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        let mut names = Self {
            source,
            public: BTreeMap::new(),
            ends: BTreeMap::new(),
            scopes: BTreeMap::new(),
            known: BTreeSet::new(),
        };
        for (module, items) in &source.modules {
            let scope = scope(items);
            let known = scope.defined.iter().chain(scope.imported.keys());
            names.known.extend(known.cloned());
            names.scopes.insert(module.clone(), scope);
        }
        names.walk(&[], &[], &mut BTreeSet::new());
        for path in names.public.values() {
            for start in 0..path.len() {
                *names.ends.entry(path[start..].to_vec()).or_default() += 1;
            }
        }
        names
    }

    /// How users write the definition at this place from the crate's root, if they can.
    pub(crate) fn public(&self, place: &[String]) -> Option<&ItemPath> {
        self.public.get(place)
    }

    /// The end of that path, as long as it has to be to mean nothing else.
    pub(crate) fn short(&self, place: &[String]) -> Option<String> {
        let path = self.public.get(place)?;
        let mut ends = (0..path.len()).rev().map(|start| &path[start..]);
        let end = ends.find(|end| self.ends.get(*end) == Some(&1));
        Some(end.unwrap_or(path).join("::"))
    }

    /// The place of the definition that a path in this module stands for, if it is in this crate.
    pub(crate) fn resolve(&self, module: &[String], path: &[String]) -> Option<ItemPath> {
        self.resolve_within(module, path, DEPTH)
    }

    fn resolve_within(&self, module: &[String], path: &[String], depth: usize) -> Option<ItemPath> {
        let (first, mut rest) = path.split_first()?;
        let mut place = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module.split_last()?.1.to_vec(),
            name => self.look_up(module, name, depth)?,
        };
        while let Some((name, after)) = rest.split_first() {
            place = match name.as_str() {
                "super" => place.split_last()?.1.to_vec(),
                name => self.look_up(&place, name, depth)?,
            };
            rest = after;
        }
        Some(place)
    }

    fn look_up(&self, module: &[String], name: &str, depth: usize) -> Option<ItemPath> {
        let depth = depth.checked_sub(1)?;
        let scope = self.scopes.get(module)?;
        if !self.known.contains(name) {
            return None;
        }
        if scope.defined.contains(name) {
            return Some([module, &[name.to_owned()]].concat());
        }
        if let Some(path) = scope.imported.get(name) {
            return self.resolve_within(module, path, depth);
        }
        scope.globs.iter().find_map(|glob| {
            let place = self.resolve_within(module, glob, depth)?;
            self.look_up(&place, name, depth)
        })
    }

    /// Notes the public names in a module that users reach as `path`.
    fn walk(
        &mut self,
        module: &[String],
        path: &[String],
        seen: &mut BTreeSet<(ItemPath, ItemPath)>,
    ) {
        if path.len() > DEPTH || !seen.insert((module.to_vec(), path.to_vec())) {
            return;
        }
        let source = self.source;
        for item in source.modules.get(module).into_iter().flatten() {
            if let Item::Use(item) = item
                && matches!(item.vis, Visibility::Public(_))
            {
                for leaf in leaves(item) {
                    let Some(place) = self.resolve(module, &leaf.path) else {
                        continue;
                    };
                    let name: ItemPath = leaf.name.into_iter().collect();
                    self.note(place, [path, &name].concat(), seen);
                }
            } else if let Some((name, true)) = defined(item) {
                let name = [name];
                self.note([module, &name].concat(), [path, &name].concat(), seen);
            }
        }
    }

    fn note(&mut self, place: ItemPath, path: ItemPath, seen: &mut BTreeSet<(ItemPath, ItemPath)>) {
        if self.source.modules.contains_key(&place) {
            self.walk(&place, &path, seen);
            return;
        }
        let known = self.public.entry(place).or_insert_with(|| path.clone());
        if path.len() < known.len() {
            *known = path;
        }
    }
}

fn scope(items: &[Item]) -> Scope {
    let mut scope = Scope::default();
    for item in items {
        if let Item::Use(item) = item {
            for leaf in leaves(item) {
                match leaf.name {
                    // A path that begins with the name itself is of another crate.
                    Some(name) if leaf.path.first() == Some(&name) => {}
                    Some(name) => drop(scope.imported.insert(name, leaf.path)),
                    None => scope.globs.push(leaf.path),
                }
            }
        } else if let Some((name, _)) = defined(item) {
            scope.defined.insert(name);
        }
    }
    scope
}

/// A name that an item defines, and whether it is public.
fn defined(item: &Item) -> Option<(String, bool)> {
    let (name, visibility) = match item {
        Item::Enum(item) => (&item.ident, &item.vis),
        Item::Fn(item) => (&item.sig.ident, &item.vis),
        Item::Mod(item) => (&item.ident, &item.vis),
        Item::Struct(item) => (&item.ident, &item.vis),
        Item::Trait(item) => (&item.ident, &item.vis),
        Item::Type(item) => (&item.ident, &item.vis),
        Item::Union(item) => (&item.ident, &item.vis),
        _ => return None,
    };
    Some((
        name.to_string(),
        matches!(visibility, Visibility::Public(_)),
    ))
}

/// One name that a `use` brings, or a whole module's names.
struct Leaf {
    name: Option<String>,
    path: ItemPath,
}

fn leaves(item: &ItemUse) -> Vec<Leaf> {
    let mut found = Vec::new();
    add_leaves(&item.tree, &[], &mut found);
    found
}

fn add_leaves(tree: &UseTree, before: &[String], found: &mut Vec<Leaf>) {
    let with = |name: String| [before, &[name]].concat();
    let (name, path) = match tree {
        UseTree::Path(path) => {
            return add_leaves(&path.tree, &with(path.ident.to_string()), found);
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                add_leaves(tree, before, found);
            }
            return;
        }
        UseTree::Name(name) if name.ident == "self" => (before.last().cloned(), before.to_vec()),
        UseTree::Name(name) => (Some(name.ident.to_string()), with(name.ident.to_string())),
        UseTree::Rename(name) => (Some(name.rename.to_string()), with(name.ident.to_string())),
        UseTree::Glob(_) => (None, before.to_vec()),
    };
    found.push(Leaf { name, path });
}
