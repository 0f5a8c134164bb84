//! The tables in an adapter's README that say what becomes of a message that is sent on.

/// The three ways, in the order of the tables' columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `forward`.
    Forward,
    /// `republish`.
    Republish,
    /// `dead_letter`.
    DeadLetter,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Forward, Self::Republish, Self::DeadLetter];

    /// What is put before the name of what is renamed.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Forward | Self::Republish => "received-",
            Self::DeadLetter => "dead-letter-",
        }
    }
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What stands between backquotes in the first column, or its text: `all others`.
    pub names: Vec<String>,
    cells: [String; 3],
}

impl Row {
    /// What the table says of a way: `kept`, `renamed` and so on.
    pub fn cell(&self, way: Way) -> &str {
        &self.cells[way as usize]
    }
}

/// The rows of the tables whose first column has this title.
///
/// # Panics
///
/// When there are none, or one has no five columns.
pub fn rows(readme: &str, title: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut lines = readme.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.starts_with(&format!("| {title} |")) || !line.contains("| `forward` |") {
            continue;
        }
        lines.next(); // the rule below the titles
        while let Some(line) = lines.next_if(|line| line.starts_with('|')) {
            rows.push(row(line));
        }
    }
    assert!(!rows.is_empty(), "no table of each {title}");
    rows
}

fn row(line: &str) -> Row {
    let cells = line.trim_matches('|').split(" | ").map(str::trim);
    let cells: Vec<_> = cells.collect();
    let &[first, _, forward, republish, dead_letter] = &cells[..] else {
        panic!("five columns, and not: {line}");
    };
    let quoted = first.split('`').skip(1).step_by(2);
    let mut names: Vec<_> = quoted.map(str::to_owned).collect();
    if names.is_empty() {
        names.push(first.to_owned());
    }
    let cells = [forward, republish, dead_letter].map(str::to_owned);
    Row { names, cells }
}
