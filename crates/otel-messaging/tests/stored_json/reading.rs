//! Reads a text in every way that serde_json has, and counts.

use otel_messaging::loss::refused_fields;
use otel_messaging::stored::EnvelopeOrBare;
use otel_messaging::{ContextCarrier, Envelope};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Of what a reader has kept of a context, name and value.
pub(crate) type Fields = BTreeMap<String, String>;

thread_local! {
    static PAYLOADS: Cell<u32> = const { Cell::new(0) };
}

/// A payload that knows how often one was read on this thread.
#[derive(Debug, PartialEq)]
pub(crate) struct Payload(pub(crate) u32);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PAYLOADS.set(PAYLOADS.get() + 1);
        u32::deserialize(deserializer).map(Self)
    }
}

/// While it is held, no other test that takes it counts: all take it that refuse anything.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static COUNTS: Mutex<()> = Mutex::new(());
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the text from a `&str`, a `&[u8]` and a reader, which have to agree, and gives what was
/// read with the number of fields refused each time.
pub(crate) fn read<T: DeserializeOwned + PartialEq>(text: &str) -> serde_json::Result<(T, u64)> {
    let counted = |read: &dyn Fn() -> serde_json::Result<T>| {
        let before = refused_fields();
        read().map(|read| (read, refused_fields() - before))
    };
    let from_str = counted(&|| serde_json::from_str(text))?;
    let from_slice = counted(&|| serde_json::from_slice(text.as_bytes()))?;
    let from_reader = counted(&|| serde_json::from_reader(text.as_bytes()))?;
    assert!(from_str == from_slice, "from_slice differs: {text:.200}");
    assert!(from_str == from_reader, "from_reader differs: {text:.200}");
    Ok(from_str)
}

fn read_without_error<T: DeserializeOwned + PartialEq>(text: &str) -> (T, u64) {
    read(text).unwrap_or_else(|error| panic!("{text:.200}: {error}"))
}

pub(crate) fn read_carrier(text: &str) -> (Fields, u64) {
    let (carrier, refused) = read_without_error::<ContextCarrier>(text);
    (carrier.into(), refused)
}

/// Reads an envelope as either type. The payload has to be 7, and to be read once each time.
pub(crate) fn read_envelope(text: &str) -> (Fields, u64) {
    PAYLOADS.set(0);
    let (envelope, refused) = read_without_error::<Envelope<Payload>>(text);
    assert_eq!(PAYLOADS.get(), 3, "{text:.200}");
    let either = read_without_error::<EnvelopeOrBare<Payload>>(text);
    assert_eq!(PAYLOADS.get(), 6, "{text:.200}");
    let fields = envelope.context().clone().into();
    assert_eq!(envelope.payload(), &Payload(7), "{text:.200}");
    assert!(either == (EnvelopeOrBare(envelope), refused), "{text:.200}");
    (fields, refused)
}
