//! The modules of a crate, read from its files.

use cargo_metadata::{CargoOpt, MetadataCommand};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use syn::{Attribute, Item, LitStr};

/// Where something is from the crate's root, as `["jetstream", "Context"]`.
pub(crate) type ItemPath = Vec<String>;

/// Each module with its items, whether public or not, without what is for tests alone. Items
/// behind features are all there.
#[derive(Default)]
pub(crate) struct Source {
    pub(crate) modules: BTreeMap<ItemPath, Vec<Item>>,
}

impl Source {
    /// The source of a package that this workspace depends on, as cargo has it.
    pub(crate) fn of_package(name: &str) -> Self {
        let mut command = MetadataCommand::new();
        command.features(CargoOpt::AllFeatures);
        // Cargo fetches the packages of the platform that it builds for, and no others.
        let options = ["--locked", "--offline", "--filter-platform", &host()];
        let metadata = command
            .other_options(options.map(str::to_owned))
            .exec()
            .expect("cargo lists the packages");
        let found = metadata.packages.iter().find(|found| found.name == name);
        let package = found.unwrap_or_else(|| panic!("no package {name} among the dependencies"));
        let library = package.targets.iter().find(|target| target.is_lib());
        let root = &library.expect("a library").src_path;
        let mut source = Self::default();
        source.add_file(
            root.as_std_path(),
            root.parent().expect("a folder").into(),
            &[],
        );
        source
    }

    fn add_file(&mut self, file: &Path, children: PathBuf, path: &[String]) {
        let folder = file.parent().expect("a folder");
        self.add(parse(file), folder, &children, path);
    }

    /// Adds a module's items and those of the modules below it, whose files are in `children`.
    fn add(&mut self, items: Vec<Item>, folder: &Path, children: &Path, path: &[String]) {
        let mut kept = Vec::new();
        for item in items {
            match item {
                Item::Macro(item) if item.mac.path.is_ident("include") => {
                    // What a build script writes is not in the source.
                    if let Ok(file) = item.mac.parse_body::<LitStr>() {
                        self.add(parse(&folder.join(file.value())), folder, children, path);
                    }
                }
                Item::Mod(item) if for_tests(&item.attrs) => drop(item),
                Item::Mod(mut item) => {
                    let name = item.ident.to_string();
                    let below: ItemPath = [path, std::slice::from_ref(&name)].concat();
                    let own = children.join(&name);
                    if let Some((_, items)) = item.content.take() {
                        self.add(items, folder, &own, &below);
                    } else if own.join("mod.rs").is_file() {
                        self.add_file(&own.join("mod.rs"), own, &below);
                    } else {
                        self.add_file(&own.with_extension("rs"), own, &below);
                    }
                    kept.push(Item::Mod(item));
                }
                Item::Impl(item) if for_tests(&item.attrs) => drop(item),
                Item::Fn(item) if for_tests(&item.attrs) => drop(item),
                item => kept.push(item),
            }
        }
        self.modules.entry(path.to_vec()).or_default().extend(kept);
    }
}

/// Whether an attribute leaves the item out of every build but the tests'.
pub(crate) fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.meta.require_list();
        attribute.path().is_ident("cfg")
            && condition.is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

fn parse(file: &Path) -> Vec<Item> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    parsed.items
}

fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output();
    let said = String::from_utf8(output.expect("rustc").stdout).expect("text");
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("the platform").to_owned()
}
