//! The carrier keeps the rules of the core's conformance kit.

use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use otel_messaging::conformance::{Entry, Rule, Subject, check};
use otel_messaging_async_nats::Nats;

struct Map;

impl Subject for Map {
    type Marker = Nats;
    type Headers = HeaderMap;

    const ORDERED: bool = false;

    fn build(&self, entries: &[Entry<'_>]) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        for entry in entries {
            let (name, value) = entry.as_text()?;
            let name: HeaderName = name.parse().ok()?;
            headers.append(name, value.parse::<HeaderValue>().ok()?);
        }
        Some(headers)
    }

    fn list(&self, headers: &HeaderMap) -> Vec<(Vec<u8>, Vec<u8>)> {
        let lines = headers.iter().flat_map(|(name, values)| {
            let name: &str = name.as_ref();
            values
                .iter()
                .map(move |value| (name.into(), value.as_str().into()))
        });
        lines.collect()
    }
}

#[test]
fn a_map_keeps_the_rules() {
    // All is text.
    assert_eq!(check(&Map).unwrap().untested(), [Rule::Unreadable]);
}
