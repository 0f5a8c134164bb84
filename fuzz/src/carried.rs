//! What a context carries, to be compared with what came in and what went out.

use crate::w3c;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use std::collections::BTreeMap;

/// The fields of a context that a message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The sender's span, if there is one.
    pub sender: Option<SpanContext>,
    /// Values and properties by key.
    pub baggage: BTreeMap<String, (String, Properties)>,
}

/// The properties of a member, equal whatever white space stands between them.
#[derive(Debug, Clone, Eq)]
pub struct Properties(pub String);

impl PartialEq for Properties {
    fn eq(&self, other: &Self) -> bool {
        w3c::without_white_space(&self.0) == w3c::without_white_space(&other.0)
    }
}

impl Carried {
    /// Of this context.
    pub fn of(context: &Context) -> Self {
        let sender = context.span().span_context().clone();
        let baggage = context.baggage().iter();
        Self {
            sender: sender.is_valid().then_some(sender),
            baggage: baggage
                .map(|(key, (value, properties))| {
                    let entry = (
                        value.to_string(),
                        Properties(properties.as_str().to_owned()),
                    );
                    (key.to_string(), entry)
                })
                .collect(),
        }
    }

    /// The members of the sender's tracestate, in order.
    pub fn trace_state(&self) -> Vec<(String, String)> {
        let sender = self.sender.iter();
        sender
            .flat_map(|sender| sender.trace_state())
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// The sender is the one that this `traceparent` names.
    pub fn check_sender(&self, traceparent: Option<&str>) {
        let expected = traceparent.and_then(w3c::traceparent);
        let found = self.sender.as_ref().map(|sender| {
            assert!(sender.is_remote());
            (sender.trace_id(), sender.span_id(), sender.trace_flags())
        });
        assert_eq!(found, expected, "{traceparent:?}");
    }

    /// The tracestate is what these lines say together, or nothing where that is invalid.
    pub fn check_trace_state(&self, lines: &[&str]) {
        let joined = lines.join(",");
        let found = self.trace_state();
        let Some(expected) = w3c::tracestate(&joined).filter(|_| self.sender.is_some()) else {
            assert_eq!(found, [], "{joined:?}");
            return;
        };
        let held = expected
            .iter()
            .all(|(key, _)| w3c::is_held_by_opentelemetry(key));
        let may_be_dropped = !held || joined.len() > w3c::MIN_TRACE_STATE_BYTES;
        if !(may_be_dropped && found.is_empty()) {
            assert_eq!(found, expected, "{joined:?}");
        }
    }

    /// The baggage is what these lines say together. Tells whether it is all of it.
    pub fn check_baggage(&self, lines: &[&str]) -> bool {
        let (expected, complete) = w3c::baggage(lines);
        let expected: BTreeMap<_, _> = expected
            .into_iter()
            .map(|member| (member.key, (member.value, Properties(member.properties))))
            .collect();
        assert_eq!(self.baggage, expected, "{lines:?}");
        complete
    }

    /// Relayed, it is the same; from one that is too large, whole members are taken.
    pub fn check_relayed(&self, relayed: &Carried) {
        if self.fits() {
            assert_eq!(relayed, self);
            return;
        }
        let ids = |carried: &Carried| {
            let sender = carried.sender.as_ref();
            sender.map(|sender| (sender.trace_id(), sender.span_id(), sender.trace_flags()))
        };
        assert_eq!(ids(relayed), ids(self));
        let mut given = self.trace_state().into_iter();
        let in_order = relayed
            .trace_state()
            .into_iter()
            .all(|entry| given.any(|other| other == entry));
        assert!(in_order, "the tracestate has another order");
        for (key, entry) in &relayed.baggage {
            assert_eq!(self.baggage.get(key), Some(entry));
        }
    }

    /// Whether it is small enough that nothing of it may be cut: so many bytes have to travel.
    pub fn fits(&self) -> bool {
        let state = self.trace_state();
        let state = state.iter().map(|(key, value)| key.len() + value.len() + 2);
        let baggage = self.baggage.iter().map(|(key, (value, properties))| {
            key.len() + w3c::encoded_length(value) + properties.0.len() + 3
        });
        let sender = self.sender.iter().map(|_| 55 + "traceparent".len());
        let names = "tracestate".len() + "baggage".len();
        let bytes = sender.sum::<usize>() + state.sum::<usize>() + baggage.sum::<usize>() + names;
        bytes <= w3c::MAX_BAGGAGE_BYTES
    }
}
