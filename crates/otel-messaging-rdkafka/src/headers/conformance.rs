//! The carrier keeps the rules of the core's conformance kit. Not in `tests/`: rdkafka's own API
//! cannot make a header whose name is not UTF-8.

use crate::headers::Kafka;
use crate::native;
use otel_messaging::conformance::{Duplicates, Entry, Rule, Subject, Value, check};
use rdkafka::message::OwnedHeaders;

struct Record;

impl Subject for Record {
    type Marker = Kafka;
    type Headers = OwnedHeaders;

    const DUPLICATES: Duplicates = Duplicates::LastCounts;
    const EXACT_FIRST: bool = true;

    fn build(&self, entries: &[Entry<'_>]) -> Option<OwnedHeaders> {
        let mut headers = OwnedHeaders::new();
        for entry in entries {
            let value = match entry.value {
                Value::Text(text) => Some(text.as_bytes()),
                Value::Bytes(bytes) => Some(bytes),
                Value::Null => None,
                _ => return None,
            };
            // To librdkafka a name ends at its first NUL.
            if entry.name.contains(&0) || !native::add(&mut headers, (entry.name, value)) {
                return None;
            }
        }
        Some(headers)
    }

    fn list(&self, headers: &OwnedHeaders) -> Vec<(Vec<u8>, Vec<u8>)> {
        // Null is not the same as empty.
        let value = |value: Option<&[u8]>| value.map_or(b"null".to_vec(), |v| [b"=", v].concat());
        let all = native::all(headers.as_borrowed());
        all.map(|(name, bytes)| (name.to_vec(), value(bytes)))
            .collect()
    }
}

#[test]
fn a_record_keeps_the_rules() {
    assert_eq!(check(&Record).unwrap().untested(), <[Rule; 0]>::default());
}
