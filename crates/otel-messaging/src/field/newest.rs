//! The newest of several senders, where the order of headers tells.

use crate::field::name::{BAGGAGE, FIELDS, TRACEPARENT, TRACESTATE, is_name};
use crate::field::sets::{Contexts, FieldSet, without_repetitions};
use crate::field::space::trim;
use crate::field::traceparent;

impl<'a> Contexts<'a> {
    /// The newest context, for protocols in which senders add headers behind the existing ones and names
    /// are case-sensitive. So the exact name `traceparent` counts before its other spellings.
    ///
    /// `headers` are names and values in the order of the message; in a protocol that does not
    /// distinguish spellings, give the names in lower case. A new set of fields begins where a field
    /// occurs again, as long as a `traceparent` is still to come: in
    /// `traceparent, tracestate, tracestate, traceparent` the last two are a set. If a set has a field
    /// under its exact name and in other spellings, only the lines under the exact name count.
    #[must_use]
    pub fn newest(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let fields = headers.into_iter().filter_map(|(name, value)| {
            let field = Field::of(name)?;
            let is_exact = FIELDS.contains(&name);
            let value = trim(value);
            (!value.is_empty()).then_some((field, is_exact, value))
        });
        let fields: Vec<_> = fields.collect();
        let starts = starts(&fields);
        let ends = starts.iter().skip(1).copied().chain([fields.len()]);
        let mut chosen = (0, &fields[..0]);
        for (start, end) in starts.iter().zip(ends) {
            let set = fields.get(*start..end).unwrap_or_default();
            let sender = set.iter().find(|(field, ..)| *field == Field::Traceparent);
            let rank = match sender {
                Some((_, is_exact, value)) if traceparent::is_valid(value) => {
                    2 + u8::from(*is_exact)
                }
                Some(_) => 1,
                None => 0,
            };
            if rank >= chosen.0 {
                chosen = (rank, set);
            }
        }
        let lines = |wanted| {
            let named = || chosen.1.iter().filter(move |(field, ..)| *field == wanted);
            let has_exact = named().any(|(_, is_exact, _)| *is_exact);
            let lines = named().filter(move |(_, is_exact, _)| *is_exact || !has_exact);
            lines.map(|(_, _, value)| *value)
        };
        Contexts::One(FieldSet {
            traceparent: lines(Field::Traceparent).next(),
            tracestate: without_repetitions(lines(Field::Tracestate)),
            baggage: without_repetitions(lines(Field::Baggage)),
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Traceparent,
    Tracestate,
    Baggage,
}

impl Field {
    fn of(name: &str) -> Option<Self> {
        let known = [
            (TRACEPARENT, Field::Traceparent),
            (TRACESTATE, Field::Tracestate),
            (BAGGAGE, Field::Baggage),
        ];
        let mut known = known.into_iter();
        known.find_map(|(field, of)| is_name(name.as_bytes(), field).then_some(of))
    }
}

/// Where each set of fields begins. A set without a traceparent is a part of the one before it, or
/// if there is none, of the one behind it.
fn starts(fields: &[(Field, bool, &str)]) -> Vec<usize> {
    let last = fields
        .iter()
        .rposition(|(field, ..)| *field == Field::Traceparent)
        .unwrap_or(0);
    let mut starts = vec![0];
    let mut has = [false; 3];
    for (at, (field, ..)) in fields.iter().enumerate() {
        if has[*field as usize] && at <= last {
            let is_complete = has[Field::Traceparent as usize];
            if is_complete || starts.len() > 1 {
                if !is_complete {
                    starts.pop();
                }
                starts.push(at);
            }
            has = [false; 3];
        }
        has[*field as usize] = true;
    }
    starts
}

#[cfg(test)]
mod tests;
