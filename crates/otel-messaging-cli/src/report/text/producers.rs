//! The table of a destination.

use super::NAME;
use super::layout::{Layout, colour};
use crate::report::clean::{self, clean};
use crate::report::tone::Tone;
use crate::report::{Destination, Health, Producer};
use comfy_table::{Attribute, Cell, CellAlignment, Row};
use indicatif::HumanCount as Count;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// How many producers have a row of their own.
const PRODUCERS: usize = 40;
/// How many keys and values of baggage are named.
const KEYS: usize = 8;
const VALUES: usize = 3;

/// One table where there is room for it. Otherwise contexts and baggage follow in a second one.
pub(super) fn write(
    destination: &Destination,
    to: &mut impl Write,
    layout: Layout,
) -> io::Result<()> {
    let shown = destination
        .producers
        .get(..PRODUCERS)
        .unwrap_or(&destination.producers);
    let more = destination.producers.get(PRODUCERS..).unwrap_or_default();
    // A health that no message has does not take a column.
    let has = |health| {
        move |producer: &Producer| producer.health.get(&health).is_some_and(|count| *count > 0)
    };
    let healths = Health::ALL.into_iter();
    let healths = healths.filter(|health| {
        *health == Health::Valid || destination.producers.iter().any(has(*health))
    });
    let healths: Vec<Health> = healths.collect();

    let mut header = vec![
        head("producer"),
        number("messages").add_attribute(Attribute::Bold),
    ];
    header.extend(
        healths
            .iter()
            .map(|health| number(heading(*health)).add_attribute(Attribute::Bold)),
    );
    let has_baggage = destination
        .producers
        .iter()
        .any(|producer| !producer.baggage.is_empty());
    if layout.is_wide() {
        header.extend(context_heads(has_baggage));
    }
    let mut rows: Vec<Row> = Vec::new();
    for producer in shown {
        let name = Cell::new(clean::producer(&producer.name, NAME));
        let mut cells = counts(name, producer.messages, &producer.health, &healths);
        if layout.is_wide() {
            cells.extend(context_cells(producer, has_baggage));
        }
        rows.push(Row::from(cells));
    }
    if !more.is_empty() {
        let mut health = BTreeMap::new();
        for (each, count) in more.iter().flat_map(|producer| &producer.health) {
            *health.entry(*each).or_default() += count;
        }
        let name = Cell::new(format!("{} more producers", Count(more.len() as u64)));
        let messages = more.iter().map(|producer| producer.messages).sum();
        rows.push(Row::from(counts(name, messages, &health, &healths)));
    }
    // Numbers are not wrapped. The names of producers and of keys share what is left.
    let numbers: Vec<usize> = (1..=healths.len() + 1).collect();
    layout.print(layout.headed(Row::from(header), rows), 0, &numbers, to)?;

    let with_context =
        |producer: &&Producer| producer.context_bytes.is_some() || !producer.baggage.is_empty();
    let rows = shown.iter().filter(with_context).map(|producer| {
        let mut cells = vec![Cell::new(clean::producer(&producer.name, NAME))];
        cells.extend(context_cells(producer, has_baggage));
        Row::from(cells)
    });
    let rows: Vec<Row> = rows.collect();
    if !layout.is_wide() && !rows.is_empty() {
        let mut header = vec![head("producer")];
        header.extend(context_heads(has_baggage));
        writeln!(to)?;
        layout.print(layout.headed(Row::from(header), rows), 0, &[1], to)?;
    }
    Ok(())
}

fn counts(
    name: Cell,
    messages: u64,
    health: &BTreeMap<Health, u64>,
    healths: &[Health],
) -> Vec<Cell> {
    let mut cells = vec![name, number(Count(messages))];
    for each in healths {
        let count = health.get(each).copied().unwrap_or(0);
        let cell = number(Count(count));
        cells.push(if count == 0 {
            cell.add_attribute(Attribute::Dim)
        } else {
            cell.fg(colour(Tone::from(*each)))
        });
    }
    cells
}

/// In two lines where one would be much wider than its numbers.
fn heading(health: Health) -> &'static str {
    match health {
        Health::Valid => "valid",
        Health::Missing => "missing",
        Health::Malformed => "malformed",
        Health::Foreign => "other\nformat",
        Health::Contradicting => "contra-\ndicting",
    }
}

fn context_heads(has_baggage: bool) -> Vec<Cell> {
    let sizes = number("context bytes\nmean / max").add_attribute(Attribute::Bold);
    if has_baggage {
        vec![sizes, head("baggage keys")]
    } else {
        vec![sizes]
    }
}

fn context_cells(producer: &Producer, has_baggage: bool) -> Vec<Cell> {
    let sizes = producer.context_bytes.map(|sizes| {
        let mean = sizes.mean.round() as u64;
        format!("{} / {}", Count(mean), Count(sizes.greatest))
    });
    let sizes = number(sizes.unwrap_or_default());
    if !has_baggage {
        return vec![sizes];
    }
    let mut keys: Vec<String> = Vec::new();
    for (key, entry) in producer.baggage.iter().take(KEYS) {
        let key = clean(key, 40);
        let values: Vec<String> = entry
            .values
            .iter()
            .take(VALUES)
            .map(|value| clean(value, 40))
            .collect();
        keys.push(if values.is_empty() {
            key
        } else {
            format!("{key} ({})", values.join(", "))
        });
    }
    let more = producer.baggage.len().saturating_sub(KEYS);
    match (more, producer.more_baggage_keys) {
        (0, false) => {}
        (0, true) => keys.push("and more".to_owned()),
        (_, true) => keys.push(format!("and more than {more} more")),
        (_, false) => keys.push(format!("and {more} more")),
    }
    vec![sizes, Cell::new(keys.join(", "))]
}

fn head(text: &str) -> Cell {
    Cell::new(text).add_attribute(Attribute::Bold)
}

fn number(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}
