//! The messages of the flood, and what they claim.

use crate::client::{Attacked, Place};
use crate::policy::{self, LAST, POLICIES};
use crate::random::Random;
use benches::sample::{Entries, entry};
use otel_messaging::trust::IncomingPolicy;
use std::fmt::Write as _;

/// The header that a rule looks at.
pub(crate) const TENANT: &str = "x-tenant";

/// Which span claims to have sent a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    pub(crate) is_sampled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nothing,
    Sampled,
    NotSampled,
    /// Always the same ids.
    Repeated,
    State,
    /// 8 KiB of baggage.
    Large,
    /// A thousand keys in one header.
    Keys,
    /// One key of a thousand.
    Key,
    Secret,
    BaggageAlone,
    Malformed,
    Contradicting,
}

/// The first ten are cheap and come more often.
const KINDS: [Kind; 10] = [
    Kind::Nothing,
    Kind::Sampled,
    Kind::NotSampled,
    Kind::Repeated,
    Kind::State,
    Kind::Key,
    Kind::Secret,
    Kind::BaggageAlone,
    Kind::Malformed,
    Kind::Contradicting,
];

const MALFORMED: [&str; 6] = [
    "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    "01",
];

/// A message, what it claims, and the policy that a reader of the rules expects for it.
#[derive(Debug)]
pub(crate) struct Hostile {
    pub(crate) kind: Kind,
    pub(crate) policy: IncomingPolicy,
    pub(crate) place: Place,
    /// It is handled by the consumer of this policy's queue.
    pub(crate) is_by_queue: bool,
    pub(crate) entries: Entries,
    /// Those who claim to have sent it. One counts; several contradict each other.
    pub(crate) claims: Vec<Claim>,
    pub(crate) state: Option<String>,
    pub(crate) baggage: Vec<(String, String)>,
}

/// The ids by which the crate itself asks a sampler, in case a sender knows them.
const REPEATED: (u128, u64) = (u128::from_be_bytes([7; 16]), u64::from_be_bytes([7; 8]));

/// What no span may show.
pub(crate) fn secret() -> String {
    ["ghp", "_", &"a1B2".repeat(9)].concat()
}

impl Hostile {
    pub(crate) fn next<C: Attacked>(random: &mut Random) -> Self {
        let kind = match random.below(2048) {
            0 => Kind::Large,
            1 => Kind::Keys,
            _ => random.of(&KINDS),
        };
        let mut message = Self {
            kind,
            policy: LAST,
            place: made_up(random),
            is_by_queue: false,
            entries: Entries::new(),
            claims: Vec::new(),
            state: None,
            baggage: Vec::new(),
        };
        message.choose_place::<C>(random);
        message.claim::<C>(random);
        message.fill(random);
        message
    }

    fn choose_place<C: Attacked>(&mut self, random: &mut Random) {
        let wanted = random.of(&POLICIES);
        let name = policy::name(wanted);
        match random.below(8) {
            0..3 => {
                self.place.area = name.to_owned();
                self.policy = wanted;
            }
            3 => (self.is_by_queue, self.policy) = (true, wanted),
            4 => {
                self.entries.push(entry(TENANT, name));
                self.policy = wanted;
            }
            // Two values are none.
            5 => self
                .entries
                .extend([entry(TENANT, name), entry("X-Tenant", "other")]),
            6 => {
                self.place = C::forged(name);
                if C::CAN_BE_READ_TWICE {
                    self.policy = LAST.max(wanted);
                }
            }
            _ => {}
        }
    }

    fn claim<C: Attacked>(&mut self, random: &mut Random) {
        let mut claims = vec![Claim {
            trace: u128::from(random.next()) << 64 | u128::from(random.next() | 1),
            span: random.next() | 1,
            is_sampled: self.kind != Kind::NotSampled,
        }];
        match self.kind {
            Kind::Nothing | Kind::BaggageAlone => claims.clear(),
            Kind::Malformed => {
                claims.clear();
                self.entries
                    .push(entry("traceparent", random.of(&MALFORMED)));
            }
            Kind::Repeated => (claims[0].trace, claims[0].span) = REPEATED,
            Kind::Contradicting => claims.push(Claim {
                trace: claims[0].trace ^ 2,
                ..claims[0].clone()
            }),
            _ => {}
        }
        let names = if claims.len() > 1 {
            C::TWICE
        } else {
            ["traceparent"; 2]
        };
        let parents = names.iter().zip(&claims);
        self.entries
            .extend(parents.map(|(name, claim)| entry(name, &claim.text())));
        if C::LAST_COUNTS && claims.len() > 1 {
            claims.remove(0);
        }
        self.claims = claims;
    }

    fn fill(&mut self, random: &mut Random) {
        if self.kind == Kind::State {
            let state = format!("vendor=t{:x},other=1", random.next());
            self.entries.push(entry("tracestate", &state));
            self.entries.push(entry("b3", "1-2-1"));
            self.state = Some(state);
        }
        let mut member = |key: String, value: String| self.baggage.push((key, value));
        member("tenant".to_owned(), "acme".to_owned());
        match self.kind {
            Kind::Nothing => self.baggage.clear(),
            Kind::Large => (0..63).for_each(|at| member(format!("key{at:02}"), "v".repeat(122))),
            Kind::Keys => (0..999).for_each(|at| member(format!("k{at}"), "v".to_owned())),
            Kind::Key => member(format!("k{}", random.below(1000)), "v".to_owned()),
            Kind::Secret => {
                member("token".to_owned(), secret());
                member("note".to_owned(), ["token=", &secret()].concat());
            }
            _ => {}
        }
        if !self.baggage.is_empty() {
            let mut list = String::new();
            for (key, value) in &self.baggage {
                let comma = if list.is_empty() { "" } else { "," };
                let _ = write!(list, "{comma}{key}={value}");
            }
            self.entries.push(entry("baggage", &list));
        }
        if self.claims.len() > 1 {
            self.baggage.clear();
        }
    }
}

impl Claim {
    pub(crate) fn text(&self) -> String {
        let flags = u8::from(self.is_sampled);
        format!("00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

/// Some destinations come again and again, and most come once.
fn made_up(random: &mut Random) -> Place {
    let name = if random.is() {
        format!("orders.{}", random.below(8))
    } else {
        format!("orders.{:x}", random.next())
    };
    Place::new(random.of(&["shop", "reply", "public"]), name)
}
