//! The faulty carrier's headers, as the kit makes them and looks at them.

use super::{Headers, Marker, Stored};
use crate::faults::Fault;
use otel_messaging::conformance::{Entry, Subject, Value};

/// Builds headers with this fault.
pub(crate) struct Faulty(pub(crate) Fault);

impl Subject for Faulty {
    type Marker = Marker;
    type Headers = Headers;

    fn build(&self, entries: &[Entry<'_>]) -> Option<Headers> {
        let stored = |value| match value {
            Value::Text(text) => Some(Stored::Text(text.to_owned())),
            Value::Bytes(bytes) => Some(Stored::Bytes(bytes.to_owned())),
            Value::Null => Some(Stored::Null),
            Value::Other => Some(Stored::Number),
            _ => None,
        };
        let entries = entries.iter();
        let list = entries.map(|entry| Some((entry.name.to_owned(), stored(entry.value)?)));
        let list = list.collect::<Option<_>>()?;
        let fault = self.0;
        (fault != Fault::BuildsNothing).then_some(Headers {
            list,
            fault,
            removed: 0,
        })
    }

    fn list(&self, headers: &Headers) -> Vec<(Vec<u8>, Vec<u8>)> {
        let value = |value: &Stored| match value {
            Stored::Text(text) => [b"=", text.as_bytes()].concat(),
            Stored::Bytes(bytes) => [b"=", &**bytes].concat(),
            Stored::Null if self.0 == Fault::ListsNullAsEmpty => b"=".to_vec(),
            Stored::Null => b"null".to_vec(),
            Stored::Number => b"number".to_vec(),
        };
        let listed = headers
            .list
            .iter()
            .filter(|_| self.0 != Fault::ListsNothing);
        listed
            .map(|(key, stored)| (key.clone(), value(stored)))
            .collect()
    }
}
