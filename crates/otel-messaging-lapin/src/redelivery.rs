//! How often a message was delivered, and when it was sent.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, ShortString};
use std::time::{Duration, SystemTime};

const X_DEATH: &str = "x-death";
const X_DELIVERY_COUNT: &str = "x-delivery-count";

/// The broker writes an entry per queue and reason, the latest first; a sender may write any number.
const MAX_DEATHS: usize = 64;

/// How often the message was delivered, this time included, as far as it tells.
pub(crate) fn delivery_count(properties: &BasicProperties, redelivered: bool) -> u64 {
    let again = u64::from(redelivered);
    let Some(headers) = properties.headers() else {
        return 1 + again;
    };
    let headers = headers.inner();
    // Both names come behind nearly all others, so most messages need no search.
    let has_later = |(last, _): (&ShortString, &AMQPValue)| last.as_str() >= X_DEATH;
    if !headers.last_key_value().is_some_and(has_later) {
        return 1 + again;
    }
    let rounds = headers.get(X_DEATH).map_or(0, largest_count);
    let returned = headers.get(X_DELIVERY_COUNT).and_then(unsigned);
    rounds
        .saturating_add(returned.unwrap_or(0).max(again))
        .saturating_add(1)
}

fn largest_count(deaths: &AMQPValue) -> u64 {
    let AMQPValue::FieldArray(deaths) = deaths else {
        return 0;
    };
    let counts = deaths.as_slice().iter().take(MAX_DEATHS);
    let counts = counts.filter_map(|death| match death {
        AMQPValue::FieldTable(death) => unsigned(death.inner().get("count")?),
        _ => None,
    });
    counts.max().unwrap_or(0)
}

/// An integer of any type; one below zero reads as absent.
fn unsigned(value: &AMQPValue) -> Option<u64> {
    match *value {
        AMQPValue::ShortShortInt(number) => number.try_into().ok(),
        AMQPValue::ShortShortUInt(number) => Some(number.into()),
        AMQPValue::ShortInt(number) => number.try_into().ok(),
        AMQPValue::ShortUInt(number) => Some(number.into()),
        AMQPValue::LongInt(number) => number.try_into().ok(),
        AMQPValue::LongUInt(number) => Some(number.into()),
        AMQPValue::LongLongInt(number) => number.try_into().ok(),
        _ => None,
    }
}

/// The property is in seconds; one that no clock can show reads as absent.
pub(crate) fn sent_at(properties: &BasicProperties) -> Option<SystemTime> {
    let seconds = (*properties.timestamp())?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapin::message::Delivery;
    use lapin::types::{FieldArray, FieldTable};
    use otel_messaging::adapter::{Attributes, Describe};
    use proptest::prelude::*;

    fn table(name: &str, value: AMQPValue) -> FieldTable {
        let mut table = FieldTable::default();
        table.insert(name.into(), value);
        table
    }

    fn deaths(counts: impl IntoIterator<Item = AMQPValue>) -> AMQPValue {
        let deaths = counts.into_iter();
        let deaths = deaths.map(|count| AMQPValue::FieldTable(table("count", count)));
        AMQPValue::FieldArray(FieldArray::from(deaths.collect::<Vec<_>>()))
    }

    fn count(headers: FieldTable, redelivered: bool) -> u64 {
        let properties = BasicProperties::default().with_headers(headers);
        delivery_count(&properties, redelivered)
    }

    #[test]
    fn what_the_broker_tells_is_added_up() {
        use AMQPValue::{LongInt, LongLongInt, LongString};
        assert_eq!(delivery_count(&BasicProperties::default(), false), 1);
        assert_eq!(delivery_count(&BasicProperties::default(), true), 2);
        assert_eq!(count(FieldTable::default(), true), 2);
        for (number, redelivered, expected) in [(0, true, 2), (1, true, 2), (4, true, 5)] {
            let headers = table("x-delivery-count", LongLongInt(number));
            assert_eq!(count(headers, redelivered), expected, "{number}");
        }
        let mut headers = table("x-death", deaths([LongLongInt(2), LongLongInt(3)]));
        assert_eq!(count(headers.clone(), false), 4);
        assert_eq!(count(headers.clone(), true), 5);
        headers.insert("x-delivery-count".into(), LongInt(2));
        assert_eq!(count(headers, true), 6);
        for wrong in [LongString("7".into()), LongInt(-7), AMQPValue::Void] {
            assert_eq!(count(table("x-delivery-count", wrong.clone()), false), 1);
            assert_eq!(count(table("x-death", deaths([wrong.clone()])), false), 1);
            assert_eq!(count(table("x-death", wrong), false), 1);
        }
    }

    #[test]
    fn no_more_deaths_are_looked_at_than_a_broker_writes() {
        let late = |before| {
            let mut counts = vec![AMQPValue::LongInt(1); before];
            counts.push(AMQPValue::LongInt(100));
            count(table("x-death", deaths(counts)), false)
        };
        assert_eq!(late(MAX_DEATHS - 1), 101);
        assert_eq!(late(MAX_DEATHS), 2);
    }

    #[test]
    fn a_time_that_no_clock_can_show_is_absent() {
        let at = |seconds| sent_at(&BasicProperties::default().with_timestamp(seconds));
        let day = Duration::from_secs(86_400);
        assert_eq!(at(86_400), Some(SystemTime::UNIX_EPOCH + day));
        assert_eq!(at(u64::MAX), None);
        assert_eq!(sent_at(&BasicProperties::default()), None);
    }

    /// Any value, of any type, in any place.
    fn value() -> impl Strategy<Value = AMQPValue> {
        let leaf = prop_oneof![
            Just(AMQPValue::Void),
            any::<bool>().prop_map(AMQPValue::Boolean),
            any::<i8>().prop_map(AMQPValue::ShortShortInt),
            any::<u8>().prop_map(AMQPValue::ShortShortUInt),
            any::<i16>().prop_map(AMQPValue::ShortInt),
            any::<u16>().prop_map(AMQPValue::ShortUInt),
            any::<i32>().prop_map(AMQPValue::LongInt),
            any::<u32>().prop_map(AMQPValue::LongUInt),
            any::<i64>().prop_map(AMQPValue::LongLongInt),
            any::<u64>().prop_map(AMQPValue::Timestamp),
            any::<f64>().prop_map(AMQPValue::Double),
            any::<Vec<u8>>().prop_map(|bytes| AMQPValue::LongString(bytes.into())),
        ];
        leaf.prop_recursive(3, 32, 4, |inner| {
            let key = prop_oneof![Just("count"), Just("queue")];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|values| AMQPValue::FieldArray(values.into())),
                (key, inner).prop_map(|(key, value)| AMQPValue::FieldTable(table(key, value))),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_the_headers_hold_there_is_a_count_and_a_time(
            deaths in value(),
            returned in value(),
            redelivered: bool,
            timestamp: Option<u64>,
        ) {
            let mut headers = table("x-death", deaths);
            headers.insert("x-delivery-count".into(), returned);
            let mut delivery = Delivery::mock(1, "".into(), "".into(), redelivered, Vec::new());
            delivery.properties = BasicProperties::default().with_headers(headers);
            if let Some(timestamp) = timestamp {
                delivery.properties = delivery.properties.with_timestamp(timestamp);
            }
            prop_assert!(delivery_count(&delivery.properties, redelivered) > u64::from(redelivered));
            let mut attributes = Attributes::default();
            delivery.set_attributes(&delivery.message_info(), &mut attributes);
        }

        #[test]
        fn every_count_counts(rounds in prop::collection::vec(0..=i64::MAX, 1..8), returned: i64) {
            let largest = rounds.iter().copied().max().unwrap_or(0);
            let rounds = deaths(rounds.into_iter().map(AMQPValue::LongLongInt));
            let mut headers = table("x-death", rounds);
            headers.insert("x-delivery-count".into(), AMQPValue::LongLongInt(returned));
            let expected = 1 + u128::from(largest.unsigned_abs()) + u128::try_from(returned).unwrap_or(0);
            prop_assert_eq!(u128::from(count(headers, false)), expected);
        }
    }
}
