//! The flood: each message is handled, and its handler sends others.

use crate::checks::{self, Told, Wrong};
use crate::client::{Attacked, Place};
use crate::expected::Expected;
use crate::house::{House, LISTED};
use crate::message::Hostile;
use crate::metrics::Meters;
use crate::policy::{LAST, POLICIES};
use crate::random::Random;
use crate::sends::{How, publish, send_on};
use opentelemetry::trace::TraceContextExt;
use otel_messaging::loss;

/// The SDK keeps so many time series of a metric, and adds up all others in one more.
const MOST_SERIES: usize = 2_001;

const MESSAGES: usize = if cfg!(debug_assertions) {
    30_000
} else {
    1_000_000
};

/// What a flood may leave in memory, in bytes.
const MOST_HELD: i64 = 1 << 20;

/// What the second half of it may leave.
const MOST_GROWN: i64 = 64 << 10;

struct Flood {
    houses: [House; 3],
    random: Random,
    wrong: Wrong,
    spans: usize,
    expected_spans: usize,
    refused: u64,
}

/// Handles as many messages as is said above, and fails if any of them gains what its policy does not allow.
pub(crate) fn withstand<C: Attacked>(seed: u64) {
    let meters = Meters::new();
    let mut flood = Flood {
        houses: House::all::<C>(&meters.provider),
        random: Random::new(seed),
        wrong: Wrong::default(),
        spans: 0,
        expected_spans: 0,
        refused: 0,
    };
    // What is made once, and what fills up: the rules that this thread remembers, and the time series.
    flood.handle::<C>(MESSAGES / 10);
    let mut held = [0; 2];
    for held in &mut held {
        let counted = allocation_counter::measure(|| flood.handle::<C>(MESSAGES * 9 / 20));
        *held = counted.bytes_current;
    }
    let Flood { wrong, .. } = &flood;
    println!(
        "{MESSAGES} messages, {} spans, {held:?} bytes held",
        flood.spans
    );
    assert_eq!(wrong.count, 0, "{:#?}", wrong.first);
    assert!(
        held[0] + held[1] <= MOST_HELD && held[1] <= MOST_GROWN,
        "{held:?} bytes"
    );
    assert_eq!(flood.spans, flood.expected_spans);
    assert!(flood.spans > MESSAGES, "{} spans", flood.spans);
    assert_eq!(meters.refused(), flood.refused);
    let (secrets, series) = meters.shown();
    assert_eq!(secrets, 0, "a secret is on metrics");
    assert!(series <= MOST_SERIES, "{series} time series");
    assert_eq!(loss::caught_panics(), 0);
}

impl Flood {
    fn handle<C: Attacked>(&mut self, count: usize) {
        for _ in 0..count {
            let message = Hostile::next::<C>(&mut self.random);
            let house = self.random.below(self.houses.len());
            self.handle_one::<C>(&message, house);
            if self.random.below(8) == 0 {
                self.send_on_outside::<C>(&message, house);
            }
        }
    }

    fn handle_one<C: Attacked>(&mut self, message: &Hostile, house: usize) {
        let house = &self.houses[house];
        let expected = Expected::of(message, message.policy, house);
        let came = C::message(&message.place, C::received(&message.entries));
        let headers = || C::received(&message.entries);
        let span = if message.is_by_queue {
            let place = POLICIES.iter().position(|policy| *policy == message.policy);
            house.consumers[place.expect("a policy of the list")].process(&came)
        } else {
            house.by.process(&came)
        };
        let entered = span.enter();
        let trace = entered.context().span().span_context().trace_id();
        let baggage = &expected.baggage[..];
        let listed: Vec<_> = baggage
            .iter()
            .copied()
            .filter(|(key, _)| key == LISTED)
            .collect();
        let name = &message.place.name;
        let mut found = vec![("handling", checks::handling(&expected, entered.context()))];
        let partner = Place::new("partner", name);
        let see = |found: &mut Vec<_>, what, told, headers| {
            found.push((what, checks::headers::<C>(&expected, &told, &headers)));
        };
        let sent = publish::<C>(&house.ruled, &partner, headers());
        see(&mut found, "to a partner", Told::Nothing, sent);
        if self.random.is() {
            let sent = publish::<C>(&house.ruled, &Place::new("analytics", name), headers());
            see(&mut found, "to analytics", Told::Span(trace, &[]), sent);
        } else {
            let sent = publish::<C>(&house.listed, &Place::new("audit", name), headers());
            see(
                &mut found,
                "listed baggage",
                Told::Span(trace, &listed),
                sent,
            );
        }
        let how = self
            .random
            .of(&[How::Forward, How::Republish, How::DeadLetter]);
        // Its handling, two messages that are published, and one that is sent on.
        let mut count = 4;
        if self.random.below(4) == 0 {
            let sent = send_on::<C>(&house.external, how, &came, &partner, headers());
            see(&mut found, "sent on, external", Told::Nothing, sent);
            count += 1;
        }
        let sent = send_on::<C>(&house.plain, how, &came, &partner, headers());
        if how == How::DeadLetter {
            found.push(("dead letter", checks::dead_letter::<C>(&expected, &sent)));
        }
        let told = match expected.parent {
            Some(claim) if expected.is_believed && how == How::Forward => {
                Told::Kept(claim, baggage)
            }
            _ => Told::Span(trace, baggage),
        };
        see(&mut found, "sent on, without rules", told, sent);
        drop(entered);
        let spans = house.ended.take();
        found.push(("spans", checks::spans(&expected, &spans, count, trace)));
        self.spans += spans.len();
        self.expected_spans += if expected.is_sampled { count } else { 0 };
        self.refused += u64::from(expected.is_refused);
        self.wrong.note(message, &found);
    }

    /// The house itself sends a message on that nobody is handling.
    fn send_on_outside<C: Attacked>(&mut self, message: &Hostile, house: usize) {
        let house = &self.houses[house];
        // Nobody knows the queue here.
        let policy = if message.is_by_queue {
            LAST
        } else {
            message.policy
        };
        let expected = Expected::of(message, policy, house);
        let headers = C::received(&message.entries);
        let came = C::message(&message.place, headers.clone());
        let place = Place::new("next", "orders");
        let sent = send_on::<C>(&house.ruled, How::Forward, &came, &place, headers);
        let spans = house.ended.take().len();
        let found = match expected.parent {
            Some(claim) if expected.is_believed => {
                checks::headers::<C>(&expected, &Told::Kept(claim, &expected.baggage), &sent)
            }
            _ => checks::is_of_a_root::<C>(house.samples_roots, &sent, &message.claims),
        };
        self.spans += spans;
        self.expected_spans += usize::from(house.samples_roots);
        self.wrong.note(message, &[("sent on outside", found)]);
    }
}
