//! Tables as this program prints them: a line below the header, and nothing else.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, LineStyle, Table};

pub(super) fn of<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING.header_separator(LineStyle::none().fill('─')));
    // A trace id is to be copied in one piece, however narrow the terminal is.
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(rows);
    format!("{}\n\n", table.trim_fmt())
}
