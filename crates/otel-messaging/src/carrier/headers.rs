//! Header storage that propagators read and write, whatever the client calls it.

use crate::field::name::FIELDS;
use crate::field::sets::Contexts;
use crate::field::value::FieldValue;
use crate::loss::reason::CarrierError;

/// Header storage that can be read, such as the headers of a received message.
///
/// `C` is a marker type of the crate that implements the trait for its client's headers. The compiler
/// infers it, and callers never name it.
///
/// # Rules for an implementation
///
/// Look-up ignores ASCII case. A value that is null, binary or not UTF-8 reads as absent. The
/// implementation must not panic or allocate without bound, whatever a remote party has put into the
/// headers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Carrier` of otel-messaging",
    note = "the adapter of the client implements `Carrier`. Add the adapter to the dependencies, name \
            it in the program (such as `use otel_messaging_lapin as _;`), and use the version of the \
            client that the adapter depends on"
)]
pub trait Carrier<C> {
    /// Every readable value of the header `name`, in the order of the message.
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str>;

    /// The names of all headers that have a readable name.
    fn keys(&self) -> impl Iterator<Item = &str>;

    /// The value of a header that should occur once.
    ///
    /// Equal duplicates count as one. If values differ, the result is `None`, because readers disagree on
    /// which one counts. A carrier whose protocol decides this says so in its documentation. For the
    /// context of a message, use [`contexts`](Self::contexts).
    fn get<'a>(&'a self, name: &str) -> Option<&'a str> {
        let mut values = self.get_all(name);
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }

    /// The contexts in these headers. The reader calls it only if [`get_each`](Self::get_each) finds
    /// `traceparent`, `tracestate` or `baggage` more than once.
    ///
    /// By default, values of `traceparent` that name different spans contradict each other. If all name
    /// one span, every line of the other fields counts ([`Contexts::unordered`]). Override it if the
    /// protocol decides which context counts: for the newest, use [`Contexts::newest`]. If the protocol
    /// distinguishes spellings, choose among them with [`FieldSet::or`](crate::adapter::FieldSet::or).
    fn contexts(&self) -> Contexts<'_> {
        let [traceparents, tracestate, baggage] = FIELDS.map(|name| self.get_all(name));
        Contexts::unordered(traceparents, tracestate, baggage)
    }

    /// The value of each of `names`, in bytes. `None` if one of them occurs more than once, in any
    /// spelling. `names` differ from each other.
    ///
    /// The reader of contexts calls this first. Override it if the carrier can find several names in one
    /// pass. The bytes need not be checked for UTF-8. A null, or a value of another type than text, is
    /// absent.
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
    note = "the adapter of the client implements `CarrierMut`. Add the adapter to the dependencies, name \
            it in the program (such as `use otel_messaging_lapin as _;`), and use the version of the \
            client that the adapter depends on"
)]
pub trait CarrierMut<C>: Carrier<C> {
    /// Adds the header `name` in this spelling. The caller has removed all older values.
    ///
    /// # Errors
    ///
    /// When the protocol cannot represent the name or the value. Nothing is then written.
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError>;

    /// Removes every value of each of the headers `names`, in every spelling, readable or not.
    fn remove(&mut self, names: &[&str]);

    /// The bytes that a header which [`add`](Self::add) writes takes on the wire at most, beyond its name
    /// and value. 0 if the client does not know how large a message may be.
    const PER_HEADER: usize = 0;

    /// How many of `room` bytes these headers leave on the wire, or `None` if they take more. The default
    /// says that headers take nothing, for protocols without a limit.
    ///
    /// If the protocol puts bytes around all headers, empty headers take them too. The first header then
    /// takes no more than any other.
    ///
    /// The implementation must stop counting when the room is used up, because a remote party chooses how
    /// many headers there are.
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
