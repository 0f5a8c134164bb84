//! One JSON value with spans, read into the index while it comes.

use super::jaeger::Traces;
use super::otlp::{ConsoleSpan, OtlpSpan, Resource};
use crate::spans::index::Index;
use crate::spans::span::Name;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A value with spans. A list at any level has the members of that level; `null` has none.
pub(crate) struct Document<'i> {
    pub(crate) index: &'i mut Index,
    pub(crate) level: Level,
}

/// Which of OTLP's objects a value is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level {
    /// `TracesData`, or `ResourceSpans` without it, as Java's exporter to the log writes; or a span of Python's
    /// console exporter; or an answer of Jaeger.
    Outer,
    /// `ScopeSpans`.
    Scope(Name),
    /// `Span`.
    Span(Name),
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.level {
            Level::Outer => "an object with spans",
            Level::Scope(_) => "a list of `scopeSpans`",
            Level::Span(_) => "a list of `spans`",
        })
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { index, level } = self;
        while list.next_element_seed(Document { index, level })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        match self.level {
            Level::Outer => outer(self.index, map),
            Level::Scope(service) => scope(self.index, service, map),
            Level::Span(service) => span(self.index, service, map),
        }
    }
}

fn outer<'de, A: MapAccess<'de>>(index: &mut Index, mut map: A) -> Result<(), A::Error> {
    let start = index.spans.len();
    let mut service = None;
    let mut console = ConsoleSpan::default();
    let mut is_console = false;
    while let Some(key) = map.next_key::<String>()? {
        match key.as_str() {
            // Grafana Tempo says `batches` and wraps them in `trace`; Jaeger's API v3 wraps them in `result`.
            "resourceSpans" | "resource_spans" | "batches" => {
                index.is_recognised = true;
                let level = Level::Outer;
                map.next_value_seed(Document { index, level })?;
            }
            "result" | "trace" => {
                let level = Level::Outer;
                map.next_value_seed(Document { index, level })?;
            }
            "data" => map.next_value_seed(Traces(index))?,
            "resource" => {
                let resource: Option<Resource> = map.next_value()?;
                let name = resource.unwrap_or_default().attributes.service;
                service = name.map(|name| index.names.keep(&name));
            }
            "scopeSpans"
            | "scope_spans"
            | "instrumentationLibrarySpans"
            | "instrumentation_library_spans" => {
                index.is_recognised = true;
                let level = Level::Scope(service.unwrap_or_default());
                map.next_value_seed(Document { index, level })?;
            }
            "context" => {
                is_console = true;
                console.context = map.next_value()?;
            }
            "parent_id" => console.parent = map.next_value()?,
            "kind" => console.kind = map.next_value()?,
            "attributes" => console.attributes = map.next_value()?,
            "links" => console.links = map.next_value()?,
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
    if is_console {
        let read = OtlpSpan::from(console).into_read();
        index.is_recognised |= read.trace != 0;
        index.push(&read, service.unwrap_or_default());
    } else if let Some(service) = service {
        // The resource may stand behind its spans.
        index.name_service_since(start, service);
    }
    Ok(())
}

fn scope<'de, A: MapAccess<'de>>(
    index: &mut Index,
    service: Name,
    mut map: A,
) -> Result<(), A::Error> {
    while let Some(key) = map.next_key::<String>()? {
        if key == "spans" {
            let level = Level::Span(service);
            map.next_value_seed(Document { index, level })?;
        } else {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(())
}

fn span<'de, A: MapAccess<'de>>(index: &mut Index, service: Name, map: A) -> Result<(), A::Error> {
    use serde::de::Deserialize;
    let span = OtlpSpan::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
    index.push(&span.into_read(), service);
    Ok(())
}
