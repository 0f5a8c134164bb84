//! Headers that remember how their caller made them, while a context is written into them.

use crate::headers::{Kafka, position};
use crate::native;
use otel_messaging::{Carrier, CarrierError, CarrierMut, FieldValue};
use rdkafka::message::{Headers, OwnedHeaders};
use std::ffi::CString;

/// A caller's headers, and what it takes to give them back as they were.
///
/// What a propagator declares tells neither what it writes nor, if it is the global one, what another
/// one declared a moment ago. So this goes by what is done to the headers.
#[derive(Clone)]
pub(crate) struct Written {
    headers: OwnedHeaders,
    /// How many the caller gave. They come first, and are complete unless `given` has them.
    count: usize,
    /// The caller's headers, copied before the first of them was removed.
    given: Option<OwnedHeaders>,
}

/// How to give a caller its headers back.
pub(crate) enum Given {
    /// It gave none.
    Nothing,
    /// This many, which are still there, before all that was written.
    First(usize),
    /// These, of which some were removed.
    Copied(OwnedHeaders),
}

impl Written {
    pub(crate) fn new(headers: OwnedHeaders) -> Self {
        Self {
            count: headers.count(),
            headers,
            given: None,
        }
    }

    pub(crate) fn headers(&self) -> &OwnedHeaders {
        &self.headers
    }

    /// The headers as they are now, and how to get at those that the caller gave.
    pub(crate) fn into_parts(self) -> (OwnedHeaders, Given) {
        let given = self.given.map_or(Given::First(self.count), Given::Copied);
        (self.headers, given)
    }

    /// A copy costs an allocation for each header: only where it is needed.
    #[cold]
    fn remove_found(&mut self, names: &[&str], first: usize) {
        if self.given.is_none() && first < self.count {
            let given = Given::First(self.count);
            self.given = given.restore(Some(self.headers.clone()));
        }
        self.headers.remove(names);
    }
}

impl Given {
    /// The headers that the caller gave, made of those that a record came back with.
    pub(crate) fn restore(self, headers: Option<OwnedHeaders>) -> Option<OwnedHeaders> {
        match self {
            Self::Nothing => None,
            Self::First(count) => headers.map(|headers| first(headers, count)),
            Self::Copied(given) => Some(given),
        }
    }
}

/// The first headers alone. librdkafka removes by name. A name that was written behind them is never
/// one of the caller's, because a writer removes a name before it adds it.
fn first(mut headers: OwnedHeaders, count: usize) -> OwnedHeaders {
    let behind = count..headers.count();
    let behind = behind.filter_map(|index| native::get(headers.as_borrowed(), index));
    let names: Vec<_> = behind
        .filter_map(|(name, _)| CString::new(name).ok())
        .collect();
    for name in names {
        native::remove(&mut headers, &name);
    }
    headers
}

impl Carrier<Kafka> for Written {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.get_all(name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        Carrier::keys(&self.headers)
    }

    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        Carrier::get(&self.headers, name)
    }
}

impl CarrierMut<Kafka> for Written {
    #[inline]
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.headers.add(name, value)
    }

    #[inline]
    fn remove(&mut self, names: &[&str]) {
        if self.headers.count() > 0
            && let Some(first) = position(&self.headers, names)
        {
            self.remove_found(names, first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::raw;
    use proptest::prelude::*;

    fn owned(entries: &[native::RawHeader<'_>]) -> OwnedHeaders {
        let mut headers = OwnedHeaders::new();
        for entry in entries {
            assert!(native::add(&mut headers, *entry));
        }
        headers
    }

    fn list(headers: &OwnedHeaders) -> Vec<native::RawHeader<'_>> {
        raw(headers.as_borrowed()).collect()
    }

    /// A copy is made for what is taken away of the caller's, and for nothing else.
    #[test]
    fn only_what_has_to_be_is_copied() {
        let given = [
            (&b"order"[..], Some(&b"7"[..])),
            (b"Trace\0hidden", Some(b"1")),
        ];
        let mut written = Written::new(owned(&given));
        for _ in 0..2 {
            written.set("undeclared", "1".into()).expect("written");
        }
        written.remove(&["Undeclared", "baggage"]);
        written.set("baggage", "a=1".into()).expect("written");
        assert!(written.given.is_none());
        let (headers, given_back) = written.clone().into_parts();
        assert!(matches!(given_back, Given::First(2)));
        let restored = given_back.restore(Some(headers)).expect("headers");
        assert_eq!(list(&restored), list(&owned(&given)));

        // To librdkafka a name ends at the NUL, but a copy has all of it.
        written.set("trace", "2".into()).expect("written");
        assert_eq!(list(&written.headers).len(), 3);
        let (headers, given_back) = written.into_parts();
        let Given::Copied(copy) = given_back else {
            panic!("one of the caller's is gone");
        };
        assert_eq!(list(&copy), list(&owned(&given)));
        assert_eq!(list(&headers)[2], (&b"trace"[..], Some(&b"2"[..])));
    }

    proptest! {
        #[test]
        fn headers_come_back_as_they_were(
            given in prop::collection::vec(
                ("[aAbB\\xff]{0,2}", prop::option::of("[a-z]{0,3}")),
                0..6,
            ),
            done in prop::collection::vec(("[aAbB]{1,2}", prop::option::of("[a-z]{0,3}")), 0..6),
        ) {
            let given: Vec<_> = given
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_deref().map(str::as_bytes)))
                .collect();
            let mut written = Written::new(owned(&given));
            for (name, value) in &done {
                match value {
                    Some(value) => written.set(name, value.as_str().into()).expect("written"),
                    None => written.remove(&[name]),
                }
            }
            let (headers, given_back) = written.into_parts();
            let restored = given_back.restore(Some(headers)).expect("headers");
            prop_assert_eq!(list(&restored), given);
        }
    }
}
