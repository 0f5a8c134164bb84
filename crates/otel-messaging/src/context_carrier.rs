//! A context on its own: for job tables, outboxes and queues without headers.

use crate::carrier::{Carrier, CarrierError, CarrierMut, TextMap};
use crate::current::current_context;
use crate::field_value::FieldValue;
use crate::instrumentation::{extract, inject};
use opentelemetry::{Context, ContextGuard};
use std::collections::BTreeMap;

/// A context as a plain map of the propagator's fields, such as `traceparent`, to be stored or
/// sent where there are no headers.
///
/// It is made from a `BTreeMap` and into one, and with the feature `serde` read and written as a
/// map of strings. What is malformed in it reads as absent, as in a message's headers. It goes by
/// the global [`Instrumentation`](crate::Instrumentation); by another with
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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

/// Makes a stored context current on this thread, until the guard is dropped; see
/// [`ContextCarrier::attach`].
#[must_use = "dropping it detaches the context"]
pub fn attach_context(carrier: &ContextCarrier) -> ContextGuard {
    carrier.attach()
}
