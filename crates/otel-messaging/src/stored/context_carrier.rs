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
/// It is made from a map and into one. With the feature `serde` it is read and written as a map of
/// strings, which is what OpenTelemetry's propagators read and write in every language:
///
/// ```json
/// {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": "tenant=acme"}
/// ```
///
/// Entries that no propagator knows stay in it, and are there when it is written again.
///
/// Whoever may write where it is stored chooses what is in it. Reading it with serde never fails for
/// what it holds, so that no job is lost for its context. What is malformed in a field reads as
/// absent, as in a message's headers. These are left out while it is read, and counted in
/// [`refused_fields`](crate::loss::refused_fields): a `traceparent`, `tracestate` or `baggage` of more than
/// 8,192 bytes; of everything else, what is beyond 64 entries or 16,384 bytes, names and values
/// together; values that are not strings; whatever is not a map. `null` is an empty carrier, and a
/// `null` in it an absent entry. With serde_json this holds for all JSON that RFC 8259 allows, such as
/// `1e999` and `"\ud800"`; `SECURITY.md` in the repository lists what a format itself refuses. In binary
/// formats, such as postcard, MessagePack and CBOR, it has to be a map of strings: anything else is an
/// error of the format's there.
///
/// It goes by the global [`Instrumentation`](crate::Instrumentation); by another with
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
    /// The context that was stored, to be given to `with_context` or the start of a span.
    #[must_use]
    pub fn context(&self) -> Context {
        extract(self)
    }

    /// Makes the context that was stored current on this thread, until the guard is dropped; hold
    /// it across no `.await`.
    #[must_use = "dropping it detaches the context"]
    pub fn attach(&self) -> ContextGuard {
        self.context().attach()
    }

    /// Whether there is nothing in it: neither a context nor anything else.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Writes its context into a map that has entries of its own, such as the metadata of a job, in
    /// place of any context there; other entries stay.
    ///
    /// `headers` may be the headers of any client. It is an [`inject`] of [`context`](Self::context),
    /// with its budget: entries that no propagator knows are not written, because whoever may write
    /// where the carrier was stored would choose headers by them. An empty carrier removes the context
    /// that is there: it would be another job's.
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

    /// Name and value, for maps that are no carriers, such as one of JSON values.
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

/// The [current context](current_context), to be stored or sent where there are no headers.
#[must_use]
pub fn get_context() -> ContextCarrier {
    let mut carrier = ContextCarrier::default();
    inject(&current_context(), &mut carrier);
    carrier
}

/// Makes a stored context current on this thread, until the guard is dropped, also by a panic; what
/// was current before is then current again. Hold the guard across no `.await`: a future goes into
/// `carrier.context()` with OpenTelemetry's `FutureExt::with_context`.
///
/// No span is started. With a tracing-opentelemetry layer that does not activate contexts
/// (`with_context_activation(false)`), spans of `tracing` go by the entered span and not by this:
/// there, hand the job over in an [`Envelope`](crate::Envelope).
///
/// A guard that is forgotten (`std::mem::forget`) stays attached. OpenTelemetry attaches 65,535
/// contexts on a thread, and then no more.
#[must_use = "dropping it detaches the context"]
pub fn attach_context(carrier: &ContextCarrier) -> ContextGuard {
    carrier.attach()
}
