use super::*;
use lapin::types::{AMQPValue, ShortString};
use proptest::prelude::*;

fn table(entries: &[(String, u8)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(name.as_str().into(), AMQPValue::ShortShortUInt(*value));
    }
    table
}

#[test]
fn nothing_is_copied_as_long_as_nothing_changes() {
    let given = table(&[("order".to_owned(), 7)]);
    let properties = BasicProperties::default().with_headers(given.clone());
    let mut headers = LentHeaders::of(&properties);
    headers.remove(&["traceparent", "Tracestate", ""]);
    assert!(headers.copy.is_none());
    assert_eq!(headers.clone().into_changed(), None);

    headers.add("traceparent", "00-".into()).expect("written");
    let mut expected = given;
    let traceparent = AMQPValue::LongString("00-".into());
    expected.insert("traceparent".into(), traceparent);
    assert_eq!(headers.into_changed(), Some(expected));
}

/// A message without headers goes without a table, unless its caller gave an empty one.
#[test]
fn an_empty_table_is_the_callers() {
    let none = BasicProperties::default();
    let mut headers = LentHeaders::of(&none);
    headers.remove(&["traceparent"]);
    assert_eq!(headers.clone().into_changed(), None);
    headers.add("traceparent", "00-".into()).expect("written");
    assert!(headers.clone().into_changed().is_some());
    headers.remove(&["traceparent"]);
    assert_eq!(headers.into_changed(), None);

    let old = table(&[("Traceparent".to_owned(), 7)]);
    let properties = BasicProperties::default().with_headers(old);
    let mut headers = LentHeaders::of(&properties);
    headers.remove(&["traceparent"]);
    assert_eq!(headers.into_changed(), Some(FieldTable::default()));
}

proptest! {
    /// It comes to the same as changing a copy of all headers.
    #[test]
    fn headers_are_changed_as_a_table_is(
        given in prop::option::of(prop::collection::vec(("[aAbB]{0,2}", any::<u8>()), 0..6)),
        done in prop::collection::vec(("[aAbB]{1,2}", prop::option::of("[a-z]{0,3}")), 0..6),
    ) {
        let given = given.map(|given| table(&given));
        let mut properties = BasicProperties::default();
        if let Some(given) = &given {
            properties = properties.with_headers(given.clone());
        }
        let mut lent = LentHeaders::of(&properties);
        let mut copied = given.clone().unwrap_or_default();
        for (name, value) in &done {
            match value {
                Some(value) => {
                    prop_assert_eq!(lent.set(name, value.as_str().into()), Ok(()));
                    prop_assert_eq!(copied.set(name, value.as_str().into()), Ok(()));
                }
                None => {
                    lent.remove(&[name, "aa"]);
                    copied.remove(&[name, "aa"]);
                }
            }
            prop_assert_eq!(Carrier::get(&lent, name), Carrier::get(&copied, name));
            prop_assert_eq!(lent.left_of(100), copied.left_of(100));
            let names: Vec<_> = Carrier::keys(&lent).collect();
            let expected = copied.inner().keys().map(ShortString::as_str);
            prop_assert_eq!(names, expected.collect::<Vec<_>>());
        }
        let changed = lent.into_changed();
        prop_assert_eq!(changed.or(given).unwrap_or_default(), copied);
    }
}
