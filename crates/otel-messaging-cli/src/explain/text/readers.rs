//! What readers in other languages make of it, for a terminal.

use super::{TITLE, styled, table};
use crate::explain::peers::Row;

/// A table by reader; nothing if none was tried.
pub(crate) fn readers(rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cells = rows.iter().map(|row| {
        vec![
            row.reader.system.to_string(),
            row.reader.name.to_owned(),
            row.condition.name().to_owned(),
            row.result.to_owned(),
            row.reader.versions.to_owned(),
        ]
    });
    let heads = ["system", "reader", "with", "makes of it", "versions"];
    let heads = heads.map(str::to_owned).to_vec();
    let title = styled(TITLE, "services in other languages");
    let table = table(std::iter::once(heads).chain(cells));
    format!("\n{title}\n{table}")
}
