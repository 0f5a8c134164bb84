//! Lines and tables of a width.

use crate::report::tone::Tone;
use anstyle::{AnsiColor, Style};
use comfy_table::{Color, ColumnConstraint, ContentArrangement, LineStyle, Row, Table, TableStyle};
use std::io::{self, Write};

/// How wide a terminal is; `None` where the report does not go to one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout(Option<u16>);

const BARE: TableStyle = TableStyle::new();
const HEADED: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

impl Layout {
    /// In less than 40 columns nothing could be read, so lines are wrapped by the terminal there.
    pub(super) fn new(width: Option<u16>) -> Self {
        Self(width.map(|width| width.max(40)))
    }

    /// Whether the widest tables fit.
    pub(super) fn is_wide(self) -> bool {
        self.0.is_none_or(|width| width >= 120)
    }

    /// Without any lines.
    pub(super) fn bare(self, rows: impl IntoIterator<Item = Row>) -> Table {
        let mut table = self.table(BARE);
        table.add_rows(rows);
        table
    }

    pub(super) fn headed(self, header: Row, rows: impl IntoIterator<Item = Row>) -> Table {
        let mut table = self.table(HEADED);
        table.set_header(header).add_rows(rows);
        table
    }

    fn table(self, lines: TableStyle) -> Table {
        let mut table = Table::new();
        table.load_style(lines).enforce_styling();
        // Otherwise the spaces at the end of a line have a colour, and stay.
        table.style_text_only();
        table.set_content_arrangement(match self.0 {
            Some(_) => ContentArrangement::Dynamic,
            None => ContentArrangement::Disabled,
        });
        if let Some(width) = self.0 {
            table.set_width(width);
        }
        table
    }

    /// Two spaces between columns, and none before the first but `indent`. The columns in `fixed` are not wrapped.
    pub(super) fn print(
        self,
        mut table: Table,
        indent: u16,
        fixed: &[usize],
        to: &mut impl Write,
    ) -> io::Result<()> {
        let last = table.column_count().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            let before = if index == 0 { indent } else { 0 };
            column.set_padding((before, if index == last { 0 } else { 2 }));
            if fixed.contains(&index) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        writeln!(to, "{}", table.trim_fmt())
    }

    /// A sign or a label, and a text beside it.
    pub(super) fn list(
        self,
        to: &mut impl Write,
        rows: impl Iterator<Item = [String; 2]>,
    ) -> io::Result<()> {
        self.print(self.bare(rows.map(Row::from)), 2, &[0], to)
    }

    pub(super) fn paragraph(self, to: &mut impl Write, style: Style, text: &str) -> io::Result<()> {
        let mut table = self.bare([Row::from([text])]);
        if let Some(column) = table.column_mut(0) {
            column.set_padding((0, 0));
        }
        for line in table.trim_fmt().lines() {
            writeln!(to, "{style}{line}{style:#}")?;
        }
        Ok(())
    }
}

pub(super) fn style(tone: Tone) -> Style {
    let colour = match tone {
        Tone::Good => AnsiColor::Green,
        Tone::Doubtful => AnsiColor::Yellow,
        Tone::Bad => AnsiColor::Red,
        Tone::Quiet => return Style::new(),
    };
    Style::new().fg_color(Some(colour.into()))
}

pub(super) fn colour(tone: Tone) -> Color {
    match tone {
        Tone::Good => Color::DarkGreen,
        Tone::Doubtful => Color::DarkYellow,
        Tone::Bad => Color::DarkRed,
        Tone::Quiet => Color::Reset,
    }
}
