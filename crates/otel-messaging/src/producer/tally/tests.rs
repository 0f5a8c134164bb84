//! The tally against a reference that keeps everything.

use super::*;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use proptest::collection::vec;
use proptest::prelude::*;

fn link(number: u64) -> Link {
    let (trace_id, span_id) = (TraceId::from(7), SpanId::from(number));
    let state = TraceState::NONE;
    let span = SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, true, state);
    Link::new(span, Vec::new(), 0)
}

const KEYS: [&str; 4] = ["destination", "partition", "offset", "stream"];

/// A message: its links, its attributes as values by key, and whether it failed.
type Message = (u8, [Option<u8>; 4], bool);

fn attributes(values: [Option<u8>; 4]) -> Vec<KeyValue> {
    let pairs = KEYS.into_iter().zip(values);
    let set = pairs.filter_map(|(key, value)| Some(KeyValue::new(key, i64::from(value?))));
    set.collect()
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let value = proptest::option::weighted(0.8, 0..2u8);
    let values = [value.clone(), value.clone(), value.clone(), value];
    vec((0..3u8, values, any::<bool>()), 0..20)
}

proptest! {
    #[test]
    fn each_attribute_is_on_the_span_or_on_the_link(messages in messages()) {
        let mut tally = Tally::default();
        let mut number = 0;
        for (links, values, has_failed) in &messages {
            let links = (0..*links).map(|_| { number += 1; link(number) });
            let failure = has_failed.then(|| ("Full".into(), format!("{values:?}")));
            tally.add(links.collect(), attributes(*values), failure);
        }
        let failed = messages.iter().filter(|(.., has_failed)| *has_failed);
        prop_assert_eq!(tally.count, messages.len() as u64);
        prop_assert_eq!(tally.failed, failed.clone().count() as u64);
        let first = failed.clone().next().map(|(_, values, _)| format!("{values:?}"));
        prop_assert_eq!(tally.failure.clone().map(|(_, message)| message), first);

        let (common, links) = tally.into_parts();
        let all: Vec<_> = messages.iter().map(|(_, values, _)| attributes(*values)).collect();
        for attribute in all.iter().flatten() {
            let is_common = all.iter().all(|of_one| of_one.contains(attribute));
            prop_assert_eq!(common.contains(attribute), is_common);
        }
        let owners = messages.iter().flat_map(|(links, values, _)| (0..*links).map(|_| *values));
        prop_assert_eq!(links.len(), owners.clone().count());
        for (place, (found, values)) in links.iter().zip(owners).enumerate() {
            prop_assert_eq!(found.span_context.span_id(), SpanId::from(place as u64 + 1));
            let mut expected = attributes(values);
            expected.retain(|attribute| !common.contains(attribute));
            prop_assert_eq!(&found.attributes, &expected);
        }
    }
}

#[test]
fn a_batch_without_end_does_not_grow_without_end() {
    let mut tally = Tally::default();
    for number in 1..=2 * MAX_LINKS as u64 {
        tally.add(vec![link(number)], Vec::new(), None);
    }
    assert_eq!(tally.count, 2 * MAX_LINKS as u64);
    let (_, links) = tally.into_parts();
    assert_eq!(links.len(), MAX_LINKS);
    assert_eq!(links[0].span_context.span_id(), SpanId::from(1));
}
