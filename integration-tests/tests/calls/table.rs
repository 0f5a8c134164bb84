//! The tables in an adapter's README.

/// The section that has them.
const SECTION: &str = "## Every call";
const HEADER: [&str; 3] = ["call", "span", "ends"];

#[derive(Default)]
pub(crate) struct Table {
    /// The calls in the first columns, and the line of each.
    pub(crate) calls: Vec<(usize, String)>,
    /// What is wrong with the tables themselves, and where.
    pub(crate) faults: Vec<(usize, String)>,
}

impl Table {
    pub(crate) fn of_readme(text: &str) -> Self {
        let mut table = Self::default();
        let (mut inside, mut in_table) = (false, false);
        for (line, text) in (1..).zip(text.lines()) {
            if text.starts_with("## ") {
                inside = text == SECTION;
            }
            let row = text
                .strip_prefix('|')
                .and_then(|row| row.trim_end().strip_suffix('|'));
            let first = !in_table;
            in_table = text.starts_with('|');
            if !inside || !in_table {
                continue;
            }
            let cells = row.unwrap_or_default().split('|').map(str::trim);
            let cells: Vec<&str> = cells.collect();
            if first && cells != HEADER {
                let header = HEADER.join(" | ");
                table
                    .faults
                    .push((line, format!("a table begins with | {header} |")));
            } else if !first && !cells.iter().all(|cell| cell.starts_with("---")) {
                table.add_row(line, &cells);
            }
        }
        if table.calls.is_empty() {
            table
                .faults
                .push((1, format!("no table in a section \"{SECTION}\"")));
        }
        table
    }

    fn add_row(&mut self, line: usize, cells: &[&str]) {
        if cells.len() != HEADER.len() || cells[1].is_empty() {
            let fault = "a row has a call, its span, and where that ends".to_owned();
            self.faults.push((line, fault));
        }
        let calls = code_spans(cells.first().unwrap_or(&""));
        if calls.is_empty() {
            let fault = "the first column names a call, as `Type::method`".to_owned();
            self.faults.push((line, fault));
        }
        self.calls
            .extend(calls.into_iter().map(|call| (line, call)));
    }
}

/// What stands between backquotes.
fn code_spans(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
