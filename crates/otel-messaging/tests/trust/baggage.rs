//! Which baggage of a message counts.

use crate::program::{Program, full, keys};
use otel_messaging::trust::IncomingPolicy::{
    Continue, ContinueAndWarn, RestartWithLink, RestartWithoutLink,
};
use otel_messaging::trust::{BaggageFilter, Messages};

#[test]
fn a_filter_is_for_what_a_policy_keeps() {
    let program = Program::new();
    let listed = || BaggageFilter::keys(["tenant", "region"]);
    for (policy, filter, expected) in [
        (Continue, BaggageFilter::All, &["tenant", "user"][..]),
        (Continue, listed(), &["tenant"]),
        (Continue, BaggageFilter::None, &[]),
        (ContinueAndWarn, listed(), &["tenant"]),
        (RestartWithLink, BaggageFilter::All, &["tenant", "user"]),
        (RestartWithLink, listed(), &["tenant"]),
        (RestartWithLink, BaggageFilter::None, &[]),
        (RestartWithoutLink, BaggageFilter::All, &[]),
    ] {
        let by = program
            .builder()
            .with_incoming(Messages::all(), policy)
            .with_incoming_baggage(filter.clone())
            .build();
        let message = full();
        let span = by.process(&message);
        assert_eq!(keys(span.context()), expected, "{policy:?} {filter:?}");
        let (_, batch) = by.process_batch([&message]);
        assert_eq!(keys(batch[0].context()), expected, "{policy:?} {filter:?}");
    }
}

#[test]
fn a_filter_needs_no_rule() {
    let program = Program::new();
    let none = BaggageFilter::None;
    let by = program.builder().with_incoming_baggage(none).build();
    assert!(keys(by.process(&full()).context()).is_empty());
    // Stored contexts are read as they are.
    assert_eq!(keys(&by.extract(&full().headers)), ["tenant", "user"]);
}
