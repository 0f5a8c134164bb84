//! What goes along under another name, and what stays.

use super::*;
use crate::wire_size::{DEFAULT_FRAME_MAX, left_of};
use otel_messaging::adapter::{DeadLetter, Destination};

/// Does it in each way.
fn each(mut test: impl FnMut(Relay<'_>)) {
    let letter = DeadLetter::new(Destination::named("orders"), &"declined");
    for relay in [Relay::Forward, Relay::Republish, Relay::DeadLetter(&letter)] {
        test(relay);
    }
}

fn relayed(given: &BasicProperties, relay: Relay<'_>) -> (BasicProperties, Option<FieldTable>) {
    super::relayed(given, relay, &FrameMax::default())
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
    let entries = entries.iter().cloned();
    FieldTable::from(BTreeMap::from_iter(
        entries.map(|(name, value)| (ShortString::from(name), value)),
    ))
}

/// What each row does stands there, and is tried on a broker by the integration tests.
#[test]
fn every_header_has_a_row_in_the_readme() {
    let readme = include_str!("../../README.md");
    for (name, renamed) in HEADERS {
        let cell = format!("`{name}`");
        let mut rows = readme.lines().filter(|line| line.starts_with("| `"));
        let row = rows.find(|row| row.split(" | ").next().unwrap_or("").contains(&cell));
        let row = row.unwrap_or_else(|| panic!("{name} has no row"));
        let forward = if renamed == Delivery {
            "renamed"
        } else {
            "kept"
        };
        let end = format!("| {forward} | renamed | renamed |");
        assert!(row.ends_with(&end), "{name}");
    }
}

/// RabbitMQ goes by exact names.
#[test]
fn a_header_in_another_spelling_is_the_programs_own() {
    let headers = table(&[("cc", text("a")), ("X-Death", text("b"))]);
    let given = BasicProperties::default().with_headers(headers.clone());
    each(|relay| assert_eq!(relayed(&given, relay).1.as_ref(), Some(&headers)));
}

#[test]
fn nothing_is_made_of_nothing() {
    let given = BasicProperties::default();
    each(|relay| {
        let given = match relay {
            Relay::Forward | Relay::Republish => given.clone(),
            Relay::DeadLetter(_) => given.clone().with_delivery_mode(2),
        };
        assert_eq!(relayed(&given, relay), (given, None));
    });
}

#[test]
fn a_name_that_is_taken_stays() {
    let headers = table(&[
        ("CC", text("new")),
        ("dead-letter-CC", text("old")),
        ("received-CC", text("old")),
        ("dead-letter-user-id", text("old")),
        ("received-user-id", text("old")),
    ]);
    let given = BasicProperties::default().with_user_id("new".into());
    let given = given.with_headers(headers.clone());
    each(|relay| {
        let mut expected = headers.inner().clone();
        expected.remove("CC");
        let (properties, found) = relayed(&given, relay);
        assert_eq!(properties.user_id(), &None);
        assert_eq!(found, Some(FieldTable::from(expected)), "{relay:?}");
    });
}

/// A frame that is too large ends the connection, so what has to have a longer name goes.
#[test]
fn what_has_no_room_under_a_longer_name_is_left_out_and_counted() {
    let given = BasicProperties::default().with_expiration("1000".into());
    // Around the frame and the properties, for the table's size, and for two headers.
    let filler = DEFAULT_FRAME_MAX - 8 - 14 - 4 - (1 + 2 + 1 + 4 + 1) - (1 + 1 + 1 + 4);
    let headers = table(&[("CC", text("a")), ("x", text(&"x".repeat(filler - 5)))]);
    let given = given.with_headers(headers.clone());
    let room = FrameMax::default().room(&given);
    assert_eq!(room.and_then(|room| left_of(&headers, room)), Some(0));
    let mut kept = headers.inner().clone();
    kept.remove("CC");
    let kept = Some(FieldTable::from(kept));
    for (relay, left_out) in [(Relay::Republish, 2), (Relay::Forward, 1)] {
        let dropped = otel_messaging::loss::dropped_fields();
        assert_eq!(relayed(&given, relay).1, kept, "{relay:?}");
        assert!(otel_messaging::loss::dropped_fields() >= dropped + left_out);
    }
}
