//! Header lines as they came: a name may stand there more than once.

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{
    Carrier, CarrierError, CarrierMut, Client, Describe, Destination, FieldValue,
};
use otel_messaging::propagation::w3c;
use std::collections::BTreeMap;

/// A valid traceparent, sampled, with a random trace id.
pub(crate) const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(pub(crate) Vec<(String, String)>);

impl Lines {
    pub(crate) fn of(lines: &[(&str, &str)]) -> Self {
        let lines = lines.iter();
        Self(
            lines
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let lines = self.0.iter();
        lines
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// As OpenTelemetry's extractor of HTTP headers: `get` is the first value.
impl Extractor for Lines {
    fn get(&self, key: &str) -> Option<&str> {
        self.values(key).next()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(key, _)| key.as_str()).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values: Vec<_> = self.values(key).collect();
        (!values.is_empty()).then_some(values)
    }
}

pub(crate) enum Marker {}

impl Client for Marker {
    const SYSTEM: &'static str = "test";
    const NAME: &'static str = "otel-messaging-test";
    const VERSION: &'static str = "1.2.3";
}

/// A message that goes out, of which not even the destination is known.
pub(crate) struct Nowhere;

impl Describe<Marker> for Nowhere {
    type Client = Marker;

    fn destination(&self) -> Destination<'_> {
        Destination::unknown()
    }
}

impl Carrier<Marker> for Lines {
    fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.values(name)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

impl CarrierMut<Marker> for Lines {
    fn add(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), CarrierError> {
        self.0.push((name.to_owned(), value.into_string()));
        Ok(())
    }

    fn remove(&mut self, names: &[&str]) {
        self.0
            .retain(|(key, _)| !names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    }
}

/// The pair as an instrumentation uses it, straight from a carrier.
pub(crate) fn direct() -> Instrumentation {
    Instrumentation::builder().with_propagator(w3c()).build()
}

/// What the pair extracts from these lines: the same as a propagator and straight from a carrier.
pub(crate) fn extract(lines: &[(&str, &str)]) -> Context {
    let lines = Lines::of(lines);
    let context = w3c().extract_with_context(&Context::new(), &lines);
    let direct = direct().extract(&lines);
    assert_eq!(inject(&context), inject(&direct), "{lines:?}");
    context
}

/// What the pair writes: the same as a propagator and straight into a carrier.
pub(crate) fn inject(context: &Context) -> BTreeMap<String, String> {
    let mut written = std::collections::HashMap::new();
    w3c().inject_context(context, &mut written);
    let mut carrier = BTreeMap::new();
    direct().inject(context, &mut carrier);
    let written = BTreeMap::from_iter(written);
    assert_eq!(written, carrier);
    written
}

pub(crate) fn sender(context: &Context) -> Option<SpanContext> {
    let sender = context.span().span_context().clone();
    sender.is_valid().then(|| {
        assert!(sender.is_remote());
        sender
    })
}
