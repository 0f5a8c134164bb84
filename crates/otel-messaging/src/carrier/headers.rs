//! Header storage that propagators read and write, whatever the client calls it.

use crate::field::name::FIELDS;
use crate::field::sets::Contexts;
use crate::field::value::FieldValue;
use crate::loss::reason::CarrierError;

/// Header storage that can be read, such as the headers of a received message.
///
/// `C` is a marker type of the crate that implements the trait for its client's headers; it is
/// inferred everywhere and callers never name it.
///
/// # Rules for an implementation
///
/// Look-up ignores ASCII case. A value that is null, binary or not UTF-8 reads as absent.
/// Nothing that a remote party can put into the headers may panic or allocate without bound.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Carrier` of otel-messaging",
    note = "the adapter of the client implements `Carrier`. Add the adapter to the dependencies, name it in \
            the program (such as `use otel_messaging_lapin as _;`), and use the version of the client \
            that the adapter depends on"
)]
pub trait Carrier<C> {
    /// Every readable value of the header `name`, in the order of the message.
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str>;

    /// The names of all headers that have a readable name.
    fn keys(&self) -> impl Iterator<Item = &str>;

    /// The value of a header that may have only one.
    ///
    /// Equal duplicates count as one. Differing values are no value, because readers disagree on
    /// which of them counts; a carrier whose protocol settles that says so in its own docs. Which
    /// context of a message counts is asked of [`contexts`](Self::contexts).
    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        let mut values = self.get_all(name);
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }

    /// The contexts in these headers. This is asked only where [`get_each`](Self::get_each) finds
    /// `traceparent`, `tracestate` or `baggage` more than once.
    ///
    /// By default, values of `traceparent` that name different spans contradict each other, and with
    /// one sender every line of the others counts ([`Contexts::unordered`]). A carrier whose protocol
    /// settles which of several contexts counts says so here ([`Contexts::newest`], if it is the
    /// newest). If the protocol tells spellings apart, it also says which of them counts with one
    /// sender ([`FieldSet::or`](crate::adapter::FieldSet::or)).
    fn contexts(&self) -> Contexts<'_> {
        let [traceparents, tracestate, baggage] = FIELDS.map(|name| self.get_all(name));
        Contexts::unordered(traceparents, tracestate, baggage)
    }

    /// The value of each of `names`, all different, in bytes, or `None` if one of them stands there
    /// more than once, in any spelling: [`get`](Self::get) and [`get_all`](Self::get_all) settle that.
    ///
    /// This is how a message's context is found. A carrier that can look for several names in one
    /// pass over its headers should. It need not look whether the bytes are UTF-8, which the reader
    /// of a field does; what is null or of another type than text is absent here too.
    fn get_each<'a, const N: usize>(&'a self, names: [&str; N]) -> Option<[Option<&'a [u8]>; N]> {
        let mut found = [None; N];
        for (name, found) in names.iter().zip(&mut found) {
            let mut values = self.get_all(name);
            *found = values.next().map(str::as_bytes);
            if values.next().is_some() {
                return None;
            }
        }
        Some(found)
    }
}

/// Header storage that can be written, such as the headers of a message to be published.
///
/// # Rules for an implementation
///
/// The other headers keep their bytes and their order. Nothing panics, whatever name or value it
/// is given.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `CarrierMut` of otel-messaging",
    note = "the adapter of the client implements `CarrierMut`. Add the adapter to the dependencies, name it in \
            the program (such as `use otel_messaging_lapin as _;`), and use the version of the client \
            that the adapter depends on"
)]
pub trait CarrierMut<C>: Carrier<C> {
    /// Writes the header `name`, in this spelling, of which the caller has removed every older value.
    ///
    /// # Errors
    ///
    /// When the protocol cannot represent the name or the value. Nothing is then written.
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError>;

    /// Removes every value of each of the headers `names`, in every spelling, readable or not.
    fn remove(&mut self, names: &[&str]);

    /// What a header takes on the wire beyond its name and its value, in bytes, where the client knows
    /// how large a message may be.
    const PER_HEADER: usize = 0;

    /// What these headers leave of `room` bytes, as the protocol counts headers on the wire, or `None`
    /// if they take more. By default they take nothing: the protocol has no limit for headers.
    ///
    /// It is asked where a message goes out and the client knows how large a message may be. Looking
    /// at the headers ends where the room does, however many a remote party has sent.
    fn left_of(&self, room: usize) -> Option<usize> {
        Some(room)
    }

    /// Writes the header `name` once, in this spelling, in place of every old value and every
    /// spelling of the name.
    ///
    /// # Errors
    ///
    /// When the protocol cannot represent the name or the value. The header is then absent.
    #[inline]
    fn set(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.remove(&[name]);
        self.add(name, value)
    }
}
