//! A carrier that keeps every rule, or has one fault.

use crate::faults::Fault;
use otel_messaging::adapter::{Carrier, CarrierError, CarrierMut, Contexts, FieldSet, FieldValue};

mod room;
mod subject;

pub(crate) use subject::Faulty;

#[derive(Debug, Clone, PartialEq)]
enum Stored {
    Text(String),
    Bytes(Vec<u8>),
    Null,
    Number,
}

#[derive(Clone)]
pub(crate) struct Headers {
    list: Vec<(Vec<u8>, Stored)>,
    fault: Fault,
    /// How many headers were removed.
    removed: usize,
}

pub(crate) enum Marker {}

fn is_named(key: &[u8], name: &str) -> bool {
    key.eq_ignore_ascii_case(name.as_bytes())
}

fn folded(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_lowercase()
}

impl Headers {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn is_found(&self, key: &[u8], name: &str) -> bool {
        match self.fault {
            Fault::IgnoresCase => key == name.as_bytes(),
            Fault::FoldsUnicode => folded(key) == folded(name.as_bytes()),
            Fault::BaggageIsCaseSensitive if name == "baggage" => key == name.as_bytes(),
            _ => is_named(key, name),
        }
    }

    fn text<'a>(&self, key: &[u8], value: &'a Stored) -> Option<&'a str> {
        let is_order = is_named(key, "order");
        match value {
            Stored::Text(text) => Some(text),
            Stored::Null if is_order && self.has(Fault::ReadsNullAsEmpty) => Some(""),
            Stored::Bytes(bytes) if is_order && self.has(Fault::ReadsBeginningOfBytes) => {
                let end = str::from_utf8(bytes).expect_err("no text").valid_up_to();
                str::from_utf8(&bytes[..end]).ok()
            }
            Stored::Number if is_order && self.has(Fault::PanicsOnValue) => panic!("no text"),
            Stored::Number if !is_order && self.has(Fault::PanicsOnTraceparent) => panic!(),
            _ => None,
        }
    }

    fn values(&self, name: &str) -> Vec<&str> {
        let found = self.list.iter().filter(|(key, _)| self.is_found(key, name));
        let values = found.map(|(key, value)| self.text(key, value));
        if name.eq_ignore_ascii_case("order") && self.has(Fault::StopsAtUnreadable) {
            values.map_while(|value| value).collect()
        } else {
            values.flatten().collect()
        }
    }

    fn write(&mut self, name: &str, mut value: String) -> Result<(), CarrierError> {
        let mut key = name.to_owned();
        match self.fault {
            Fault::SetWritesUpperCase if name == "order" => key.make_ascii_uppercase(),
            Fault::SetCutsName if name.len() == 300 => key.truncate(255),
            Fault::SetTrims => value = value.trim().to_owned(),
            Fault::SetCutsValue if value.len() > 65_535 => value.clear(),
            Fault::SetDropsEmpty => self.list.retain(|(_, v)| *v != Stored::Text(String::new())),
            Fault::SetChangesBytes => {
                let bytes = self
                    .list
                    .iter_mut()
                    .filter(|(_, v)| matches!(v, Stored::Bytes(_)));
                bytes.for_each(|(_, value)| *value = Stored::Text("\u{fffd}".to_owned()));
            }
            Fault::SetEndsEarly => self.list.truncate(900),
            Fault::SetCutsTracestate if name == "tracestate" => {
                value = value.chars().take(3).collect();
            }
            _ => {}
        }
        if let Some(error) = Self::refuses(name, &value) {
            return Err(error);
        }
        self.list.push((key.into_bytes(), Stored::Text(value)));
        Ok(())
    }

    fn refuses(name: &str, value: &str) -> Option<CarrierError> {
        let is_hostile = |text: &str| ['\r', '\n', '\0'].iter().any(|c| text.contains(*c));
        if name.is_empty() || is_hostile(name) {
            Some(CarrierError::InvalidName)
        } else {
            is_hostile(value).then_some(CarrierError::InvalidValue)
        }
    }
}

impl Carrier<Marker> for Headers {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let mut values = self.values(name);
        match self.fault {
            Fault::SkipsEqualValues => values.dedup(),
            Fault::ReversesValues if name.eq_ignore_ascii_case("order") => values.reverse(),
            Fault::TracestateHasOneLine if name == "tracestate" => values.truncate(1),
            Fault::HidesOneBaggage if name == "baggage" && values.len() == 1 => values.clear(),
            _ => {}
        }
        values.into_iter()
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        let is_listed = |value: &Stored| {
            matches!(value, Stored::Text(_)) || !self.has(Fault::KeysOfReadableValues)
        };
        let most = if self.has(Fault::KeysEndEarly) {
            1_000
        } else {
            usize::MAX
        };
        let listed = self.list.iter().filter(move |(_, value)| is_listed(value));
        let names = listed.filter_map(|(key, _)| match str::from_utf8(key) {
            Err(error) if self.has(Fault::PanicsOnName) => panic!("{error}"),
            key => key.ok(),
        });
        names.take(most)
    }

    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        let values = self.values(name);
        let is_order = name.eq_ignore_ascii_case("order");
        let (first, last) = (values.first().copied(), values.last().copied());
        match self.fault {
            Fault::FindsBeginnings if values.is_empty() && name.len() > 3 => {
                let mut list = self.list.iter();
                let (key, value) = list.find(|(key, _)| key.starts_with(name.as_bytes()))?;
                self.text(key, value)
            }
            Fault::FindsEarlyOnly if self.list.len() > 900 => {
                let mut list = self.list.iter().take(900);
                let (key, value) = list.find(|(key, _)| is_named(key, name))?;
                self.text(key, value)
            }
            Fault::RefusesEqual if values.len() > 1 => None,
            Fault::ComparesEndsOnly if is_order => first.filter(|_| first == last),
            Fault::TakesFirstOrder if is_order => first,
            Fault::FirstCounts => first,
            Fault::LastCounts | Fault::LastTakesAllBaggage => last,
            _ => first.filter(|first| values.iter().all(|value| value == first)),
        }
    }

    fn contexts(&self) -> Contexts<'_> {
        let fields = ["traceparent", "tracestate", "baggage"];
        let texts = self.list.iter().filter_map(|(key, value)| {
            let name = fields.into_iter().find(|name| is_named(key, name))?;
            Some((name, self.text(key, value)?))
        });
        let [senders, state, baggage] = fields.map(|name| self.get_all(name).collect::<Vec<_>>());
        let unordered = Contexts::unordered(senders.clone(), state, baggage.clone());
        match (self.fault, unordered) {
            (Fault::LastCounts, _) => Contexts::newest(texts),
            (Fault::FirstCounts, _) => match Contexts::newest(texts.rev()) {
                Contexts::One(mut set) => {
                    set.tracestate.reverse();
                    set.baggage.reverse();
                    Contexts::One(set)
                }
                contradicting => contradicting,
            },
            (Fault::LastTakesAllBaggage, _) => match Contexts::newest(texts) {
                Contexts::One(mut set) => {
                    set.baggage = baggage;
                    Contexts::One(set)
                }
                contradicting => contradicting,
            },
            (Fault::TakesFirstTraceparent, Contexts::Contradicting(sets)) if senders.len() > 2 => {
                Contexts::One(sets[0].clone())
            }
            (Fault::ForgetsSenders, Contexts::Contradicting(_)) => {
                Contexts::One(FieldSet::default())
            }
            (Fault::TakesMalformed, Contexts::One(mut set)) => {
                let mut senders = senders.into_iter();
                let malformed = senders.find(|sender| sender.len() < 10);
                set.traceparent = malformed.or(set.traceparent);
                Contexts::One(set)
            }
            (_, contexts) => contexts,
        }
    }

    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        let is_short = names.iter().all(|name| name.len() == 1);
        let mut found = [None; N];
        for (name, found) in names.iter().zip(&mut found) {
            let mut values = self.values(name);
            let mut keys = self.list.iter().map(|(key, _)| key);
            match self.fault {
                Fault::EachTakesFirst if is_short => values.truncate(1),
                Fault::EachFindsEarlyOnly if is_short && self.list.len() > 8 => values.clear(),
                Fault::EachIsNeverThere if is_short => return None,
                Fault::EachIsCaseSensitive
                    if is_short && !keys.any(|key| key == name.as_bytes()) =>
                {
                    values.clear();
                }
                _ => {}
            }
            if values.len() > 1 {
                return None;
            }
            *found = values.first().map(|value| value.as_bytes());
        }
        Some(found)
    }
}

impl CarrierMut<Marker> for Headers {
    const PER_HEADER: usize = room::PER_HEADER;

    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        if name == "order" && self.has(Fault::AddForgets) {
            return Ok(());
        }
        self.write(name, value.into_string())
    }

    fn set(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        let mut value = value.into_string();
        if Self::refuses(name, &value).is_some() && self.has(Fault::RefusalLeavesOld) {
            return Err(CarrierError::InvalidValue);
        }
        if name == "\u{fc}" && self.list.len() == 1 && self.has(Fault::SetPanics) {
            panic!("not ASCII");
        }
        if name == "traceparent" && self.has(Fault::SetIsUpperCase) {
            value.make_ascii_uppercase();
        }
        let keeps = |old: &Stored| *old == Stored::Null && self.fault == Fault::SetLeavesUnreadable;
        self.list
            .retain(|(key, old)| !is_named(key, name) || keeps(old));
        self.write(name, value)
    }

    fn remove(&mut self, names: &[&str]) {
        let fault = self.fault;
        let most = if fault == Fault::RemovesThreeNames {
            3
        } else {
            names.len()
        };
        let is_taken = |key: &[u8], name: &str| match fault {
            Fault::RemoveIsCaseSensitive if name == "ORDER" => key == b"ORDER",
            Fault::LeavesTitleCase if name == "baggage" => is_named(key, name) && key != b"Baggage",
            _ => is_named(key, name),
        };
        let before = self.list.len();
        self.list.retain(|(key, value)| {
            let is_kept = is_named(key, "order")
                && *value == Stored::Null
                && fault == Fault::RemoveLeavesNull;
            is_kept || !names.iter().take(most).any(|name| is_taken(key, name))
        });
        self.removed += before - self.list.len();
        if self.list.len() < before && before < 900 && fault == Fault::RemoveReorders {
            self.list.reverse();
        }
    }

    fn left_of(&self, room: usize) -> Option<usize> {
        self.left_of_room(room)
    }
}
