//! What the kit has to know of a carrier.

use crate::carrier::headers::Carrier;

/// Tells the kit how to make the headers that it tries a carrier with, and how to look at them
/// without the carrier.
///
/// It is written for the tests of an adapter, in a few lines; see the
/// [example](super#a-carrier-and-its-subject).
pub trait Subject {
    /// The marker type of the carrier: the `C` of `Carrier<C>`.
    type Marker;

    /// The headers that are the carrier.
    type Headers: Carrier<Self::Marker>;

    /// Whether headers of different names keep the order in which they were added. Values of one
    /// name always have an order.
    const ORDERED: bool = true;

    /// Which value counts where a header stands there several times and the values differ.
    const DUPLICATES: Duplicates = Duplicates::Refused;

    /// Whether names are case-sensitive, so that what stands under the exact name counts before what
    /// stands under other spellings of it: of a `traceparent`, and of each field that came with it.
    const EXACT_FIRST: bool = false;

    /// Headers of exactly these entries, added in this order; or `None` where the protocol, or its
    /// client, has no such headers: a name that it cannot represent, a name that stands there
    /// twice, a value that is null. Such a case is passed over.
    ///
    /// They are made with the client's own calls and not with the carrier's, which are on trial.
    fn build(&self, entries: &[Entry<'_>]) -> Option<Self::Headers>;

    /// The name and the value of every header, readable or not, in the order of the headers.
    ///
    /// The value is in whatever bytes tell it from any other: those on the wire if each type of
    /// value looks different there.
    fn list(&self, headers: &Self::Headers) -> Vec<(Vec<u8>, Vec<u8>)>;
}

/// Which of the differing values of one header counts; see [`Carrier::get`]. Of several contexts
/// that differ, the one with that `traceparent` counts; see [`Carrier::contexts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Duplicates {
    /// None: the protocol does not settle it, and readers disagree. Contexts contradict each other.
    Refused,
    /// The first, in the order of [`Carrier::get_all`].
    FirstCounts,
    /// The last, in the order of [`Carrier::get_all`].
    LastCounts,
}

/// A header to be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name, mostly text.
    pub name: &'a [u8],
    /// Its value.
    pub value: Value<'a>,
}

/// The value of a header to be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes that are not UTF-8.
    Bytes(&'a [u8]),
    /// No value, which is not the same as an empty one.
    Null,
    /// A value that is neither text nor bytes, such as a number: whichever the protocol has.
    Other,
}

impl<'a> Entry<'a> {
    pub(super) const fn text(name: &'a str, value: &'a str) -> Self {
        Self::new(name, Value::Text(value))
    }

    pub(super) const fn new(name: &'a str, value: Value<'a>) -> Self {
        Self {
            name: name.as_bytes(),
            value,
        }
    }

    /// The name and the value if both are text: all that most protocols have.
    ///
    /// ```
    /// use otel_messaging::conformance::Entry;
    /// use std::collections::BTreeMap;
    ///
    /// fn build(entries: &[Entry<'_>]) -> Option<BTreeMap<String, String>> {
    ///     let mut headers = BTreeMap::new();
    ///     for entry in entries {
    ///         let (name, value) = entry.as_text()?;
    ///         if headers.insert(name.to_owned(), value.to_owned()).is_some() {
    ///             return None; // a map has each name once
    ///         }
    ///     }
    ///     Some(headers)
    /// }
    /// # let null = otel_messaging::conformance::Value::Null;
    /// # assert!(build(&[Entry { name: b"a", value: null }]).is_none());
    /// ```
    #[must_use]
    pub fn as_text(&self) -> Option<(&'a str, &'a str)> {
        match self.value {
            Value::Text(value) => Some((self.name()?, value)),
            _ => None,
        }
    }

    /// The name if it is text.
    #[must_use]
    pub fn name(&self) -> Option<&'a str> {
        str::from_utf8(self.name).ok()
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}
