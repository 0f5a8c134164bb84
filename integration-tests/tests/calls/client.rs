//! The clients, and where this project speaks of them.

use crate::outside::Outside;
use crate::table::Table;
use std::path::Path;

pub(crate) struct Client {
    pub(crate) package: &'static str,
    /// What the names of its files or folders in this package begin with.
    files: &'static [&'static str],
}

pub(crate) const LAPIN: Client = Client {
    package: "lapin",
    files: &["lapin", "rabbitmq"],
};
pub(crate) const RDKAFKA: Client = Client {
    package: "rdkafka",
    files: &["embedded_kafka", "kafka", "rdkafka"],
};
pub(crate) const ASYNC_NATS: Client = Client {
    package: "async-nats",
    files: &["async_nats", "jetstream", "nats", "service"],
};
pub(crate) const CLIENTS: [&Client; 3] = [&LAPIN, &RDKAFKA, &ASYNC_NATS];

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

/// The package of the client whose file this is.
pub(crate) fn client_of(path: &Path) -> Option<&'static str> {
    let mut names = path.iter().filter_map(|name| name.to_str());
    names.find_map(|name| {
        let mine = |client: &&&Client| client.files.iter().any(|begin| name.starts_with(begin));
        CLIENTS.iter().find(mine).map(|client| client.package)
    })
}

/// What is missing shows as missing calls.
fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap_or_default()
}
