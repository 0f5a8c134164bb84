//! The trace as a tree beside a time line, and the headers of each hop.

use crate::hop::Arrival;
use crate::trace::{Span, Trace};
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Color, LineStyle, Table};
use opentelemetry::trace::{SpanId, SpanKind, Status};
use std::env;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

/// The text that is shown: tree, headers, trace id.
pub(crate) fn draw(trace: &Trace, arrivals: &[Arrival]) -> String {
    let mut drawn = format!("{}\n", tree(trace));
    for Arrival { hop, headers } in arrivals {
        // Writing to a string cannot fail.
        let _ = writeln!(drawn, "\n{hop}");
        for (name, value) in headers {
            let _ = writeln!(drawn, "    {name}: {value}");
        }
    }
    if let Some(id) = trace.id() {
        let _ = writeln!(drawn, "\ntrace id {id}");
    }
    drawn
}

fn tree(trace: &Trace) -> Table {
    let mut table = empty_table();
    let width = width(&table);
    let mut rows = Vec::new();
    add_children(trace, None, "", &mut rows);

    let time = TimeLine::of(trace);
    let texts: Vec<_> = rows
        .iter()
        .map(|(name, span)| {
            let duration = duration_of(span).unwrap_or_default();
            [
                name.clone(),
                span.service.to_owned(),
                kind(&span.data.span_kind).to_owned(),
                milliseconds(duration),
            ]
        })
        .collect();
    let used: usize = (0..4)
        .map(|column| {
            let cells = texts.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(HEADER[column].len())
        })
        .sum();
    // Each of the five columns has a space on either side.
    let bar = width.saturating_sub(used + 5 * 2).max(8);

    let mut header: Vec<_> = HEADER.map(Cell::new).into();
    header[3] = Cell::new(HEADER[3]).set_alignment(CellAlignment::Right);
    header.push(Cell::new(time.scale(bar)));
    table.set_header(header);
    for ((_, span), [name, service, kind, duration]) in rows.iter().zip(texts) {
        let color = color(span);
        table.add_row([
            Cell::new(name),
            Cell::new(service).fg(color),
            Cell::new(kind),
            Cell::new(duration).set_alignment(CellAlignment::Right),
            Cell::new(time.bar(span, bar)).fg(color),
        ]);
    }
    table
}

/// A table as this program draws them: a line below the header, and nothing else.
pub(crate) fn empty_table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING.header_separator(LineStyle::none().fill('─')));
    if env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        table.force_no_tty();
    }
    table
}

const HEADER: [&str; 4] = ["span", "service", "kind", "duration"];

fn add_children<'a>(
    trace: &'a Trace,
    parent: Option<SpanId>,
    stem: &str,
    rows: &mut Vec<(String, &'a Span)>,
) {
    let mut children = trace.children(parent).peekable();
    while let Some(span) = children.next() {
        let last = children.peek().is_none();
        let (branch, below) = match (parent, last) {
            (None, _) => ("", ""),
            (Some(_), true) => ("└─", "  "),
            (Some(_), false) => ("├─", "│ "),
        };
        rows.push((format!("{stem}{branch}{}", span.data.name), span));
        add_children(trace, Some(span.id()), &format!("{stem}{below}"), rows);
    }
}

/// In columns: the terminal's, within what can be read.
fn width(table: &Table) -> usize {
    let columns = || env::var("COLUMNS").ok()?.parse().ok();
    let width = table.width().map(usize::from).or_else(columns);
    width.unwrap_or(100).clamp(80, 100)
}

struct TimeLine {
    start: SystemTime,
    length: Duration,
}

impl TimeLine {
    fn of(trace: &Trace) -> Self {
        let starts = trace.spans.iter().map(|span| span.data.start_time);
        let ends = trace.spans.iter().map(|span| span.data.end_time);
        let start = starts.min().unwrap_or(SystemTime::UNIX_EPOCH);
        let end = ends.max().unwrap_or(start);
        Self {
            start,
            length: end.duration_since(start).unwrap_or_default(),
        }
    }

    fn scale(&self, width: usize) -> String {
        let end = milliseconds(self.length);
        format!("0{end:>rest$}", rest = width.saturating_sub(1))
    }

    fn bar(&self, span: &Span, width: usize) -> String {
        let since = |time: SystemTime| time.duration_since(self.start).unwrap_or_default();
        let column = |time| {
            let part = since(time).as_secs_f64() / self.length.as_secs_f64().max(f64::EPSILON);
            (part * width as f64).round() as usize
        };
        let from = column(span.data.start_time).min(width.saturating_sub(1));
        // What is too short to be seen is shown all the same.
        let to = column(span.data.end_time).clamp(from + 1, width.max(from + 1));
        format!("{}{}", " ".repeat(from), "█".repeat(to - from))
    }
}

fn duration_of(span: &Span) -> Option<Duration> {
    let ended = span.data.end_time;
    ended.duration_since(span.data.start_time).ok()
}

pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    }
}

fn color(span: &Span) -> Color {
    if matches!(span.data.status, Status::Error { .. }) {
        return Color::Red;
    }
    color_of(span.service)
}

pub(crate) fn color_of(service: &str) -> Color {
    match service {
        "shop" => Color::Cyan,
        "checkout" => Color::Yellow,
        "billing" => Color::Magenta,
        _ => Color::Green,
    }
}
