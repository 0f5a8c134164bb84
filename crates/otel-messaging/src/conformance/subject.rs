//! The description of a carrier for the kit.

use crate::carrier::headers::Carrier;

/// Builds the headers with which the kit tests a carrier, and lists them without the carrier.
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

    /// Which value counts if a header occurs several times with different values.
    const DUPLICATES: Duplicates = Duplicates::Refused;

    /// Whether names are case-sensitive, so that the exact name counts before other spellings: for
    /// `traceparent`, and for each field that came with it.
    const EXACT_FIRST: bool = false;

    /// Builds headers with exactly these entries, in this order. Return `None` if the protocol or the
    /// client does not have such headers, such as a null value; the kit then skips the case. Use the
    /// client's own calls, because the carrier is under test.
    fn build(&self, entries: &[Entry<'_>]) -> Option<Self::Headers>;

    /// The name and the value of every header, readable or not, in the order of the headers.
    ///
    /// A value may be listed in any bytes that distinguish it from all others, such as the bytes on the
    /// wire if each type of value looks different there.
    fn list(&self, headers: &Self::Headers) -> Vec<(Vec<u8>, Vec<u8>)>;
}

/// Which value of one header counts if values differ; see [`Carrier::get`]. If contexts differ, the one
/// with that `traceparent` counts; see [`Carrier::contexts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Duplicates {
    /// None: the protocol does not decide it, and readers disagree. Contexts contradict each other.
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
