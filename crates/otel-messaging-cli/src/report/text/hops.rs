//! The ways of the messages, by the exported spans.

use super::layout::{Layout, colour};
use crate::report::clean::clean;
use crate::report::tone::Tone;
use crate::report::{HopState, Hops};
use comfy_table::{Cell, CellAlignment, Row};
use indicatif::HumanCount as Count;
use std::io::{self, Write};

const HOPS: usize = 40;
const NAME: usize = 40;

pub(super) fn write(hops: &Hops, to: &mut impl Write, layout: Layout) -> io::Result<()> {
    let mut rows: Vec<Row> = Vec::new();
    for hop in hops.hops.iter().take(HOPS) {
        let mut way = format!(
            "{} ──▶ {} ──▶ {}",
            hop.producer
                .as_deref()
                .map_or("(no span)".to_owned(), |name| clean(name, NAME)),
            clean(&hop.destination, NAME),
            hop.consumer
                .as_deref()
                .map_or("(no span)".to_owned(), |name| clean(name, NAME)),
        );
        if let (Some(trace_id), false) = (&hop.trace_id, hop.state == HopState::Joined) {
            way.push_str(&format!("\n  trace {}", clean(trace_id, 40)));
        }
        rows.push(Row::from([
            Cell::new(way),
            Cell::new(hop.state).fg(colour(Tone::from(hop.state))),
            Cell::new(Count(hop.messages)).set_alignment(CellAlignment::Right),
        ]));
    }
    layout.print(layout.bare(rows), 2, &[2], to)?;
    let more = hops.hops.len().saturating_sub(HOPS);
    if more > 0 {
        writeln!(to, "  and {} more", Count(more as u64))?;
    }
    Ok(())
}
