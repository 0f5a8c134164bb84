//! A context on its own: for job tables, outboxes and queues without headers.

use crate::carrier::headers::{Carrier, CarrierMut};
use crate::carrier::maps::TextMap;
use crate::context::current::current_context;
use crate::field::value::FieldValue;
use crate::instrumentation::global::{extract, inject};
use crate::loss::reason::CarrierError;
use opentelemetry::{Context, ContextGuard};
use std::collections::BTreeMap;

/// A context as a plain map of the propagator's fields, such as `traceparent`, to be stored or
/// sent where there are no headers.
///
/// Convert it from and into a map. With the feature `serde` it is read and written as a map of strings,
/// which is what OpenTelemetry's propagators read and write in every language:
///
/// ```json
/// {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": "tenant=acme"}
/// ```
///
/// An entry that no propagator knows stays in the carrier, and is written again with it.
///
/// Anyone who may write to the place where it is stored chooses its content. Reading it with serde never
/// fails because of its content, so that no job is lost with its context. A malformed field reads as
/// absent, as in a message's headers. These are left out while it is read, and counted in
/// [`refused_fields`](crate::loss::refused_fields): a `traceparent`, `tracestate` or `baggage` of more
/// than 8,192 bytes; all other entries beyond the first 64 or beyond 16,384 bytes of names and values;
/// values that are not strings; a context that is not a map. A `null` is an empty carrier, and an entry
/// with `null` is absent. With serde_json this holds for all JSON that RFC 8259 allows, such as `1e999`
/// and `"\ud800"`; `SECURITY.md` in the repository lists what a format itself refuses. In binary formats,
/// such as postcard, MessagePack and CBOR, it must be a map of strings; otherwise the format returns an
/// error.
///
/// It uses the global [`Instrumentation`](crate::Instrumentation). To use another one, call
/// `instrumentation.inject(&context, &mut carrier)` and `instrumentation.extract(&carrier)`.
///
/// ```
/// use otel_messaging::{attach_context, get_context};
///
/// // In the handler, beside the job that it leaves for later:
/// let carrier = get_context();
///
/// // In the worker:
/// let _attached = attach_context(&carrier);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct ContextCarrier {
    fields: BTreeMap<String, String>,
}

impl ContextCarrier {
    /// Reads the stored context, for `with_context` or the start of a span.
    #[must_use]
    pub fn context(&self) -> Context {
        extract(self)
    }

    /// Makes the stored context current on this thread until the guard is dropped. Do not hold the guard
    /// across an `.await`.
    #[must_use = "dropping it detaches the context"]
    pub fn attach(&self) -> ContextGuard {
        self.context().attach()
    }

    /// Whether it has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Writes its context into the headers of a message or into a map, such as the metadata of a job, in
    /// place of the context there. Other entries stay.
    ///
    /// This is an [`inject`] of [`context`](Self::context), within its budget. Entries that no propagator
    /// knows are not written: anyone who may write to the store could otherwise choose headers. An empty
    /// carrier removes the context that is there, because it belongs to another job.
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// let mut metadata = HashMap::from([("queue".to_owned(), "labels".to_owned())]);
    /// otel_messaging::get_context().merge_into(&mut metadata);
    /// assert_eq!(metadata["queue"], "labels");
    /// ```
    pub fn merge_into<C, H: CarrierMut<C> + ?Sized>(&self, headers: &mut H) {
        inject(&self.context(), headers);
    }
}

impl From<BTreeMap<String, String>> for ContextCarrier {
    fn from(fields: BTreeMap<String, String>) -> Self {
        Self { fields }
    }
}

impl From<ContextCarrier> for BTreeMap<String, String> {
    fn from(carrier: ContextCarrier) -> Self {
        carrier.fields
    }
}

impl FromIterator<(String, String)> for ContextCarrier {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        BTreeMap::from_iter(fields).into()
    }
}

impl IntoIterator for ContextCarrier {
    type Item = (String, String);
    type IntoIter = std::collections::btree_map::IntoIter<String, String>;

    /// Names and values, for maps that do not implement [`CarrierMut`], such as a map of JSON values.
    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

impl Carrier<TextMap> for ContextCarrier {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.fields.get_all(name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        Carrier::keys(&self.fields)
    }
}

impl CarrierMut<TextMap> for ContextCarrier {
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.fields.add(name, value)
    }

    fn remove(&mut self, names: &[&str]) {
        CarrierMut::remove(&mut self.fields, names);
    }
}

/// Stores the [current context](current_context), to write it where there are no headers.
#[must_use]
pub fn get_context() -> ContextCarrier {
    let mut carrier = ContextCarrier::default();
    inject(&current_context(), &mut carrier);
    carrier
}

/// Makes a stored context current on this thread until the guard is dropped. Then, also after a panic,
/// the earlier context is current again. Do not hold the guard across an `.await`: for a future, use
/// `carrier.context()` with OpenTelemetry's `FutureExt::with_context`.
///
/// It starts no span. If tracing-opentelemetry's layer does not activate contexts
/// (`with_context_activation(false)`), spans of `tracing` take their parent from the entered span and not
/// from this context. In such a program, put the job into an [`Envelope`](crate::Envelope).
///
/// If you forget the guard (`std::mem::forget`), the context stays attached. OpenTelemetry attaches at
/// most 65,535 contexts on a thread.
#[must_use = "dropping it detaches the context"]
pub fn attach_context(carrier: &ContextCarrier) -> ContextGuard {
    carrier.attach()
}
