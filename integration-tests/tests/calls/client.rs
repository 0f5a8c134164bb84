//! A client, and where this project lists its calls.

use crate::outside::Outside;
use crate::table::Table;
use std::path::Path;

pub(crate) struct Client {
    pub(crate) package: &'static str,
}

impl Client {
    pub(crate) fn readme(&self) -> String {
        format!("crates/otel-messaging-{}/README.md", self.package)
    }

    pub(crate) fn list(&self) -> String {
        format!("integration-tests/calls/{}.txt", self.package)
    }

    pub(crate) fn table(&self) -> Table {
        Table::of_readme(&read(&self.readme()))
    }

    pub(crate) fn outside(&self) -> Outside {
        Outside::of_list(&read(&self.list()))
    }
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
