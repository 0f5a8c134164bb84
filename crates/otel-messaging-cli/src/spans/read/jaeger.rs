//! A trace in the JSON of Jaeger's pages and of its query API.

use super::attributes::Attributes;
use super::capped::Capped;
use super::id::Id;
use super::scalar::Scalar;
use crate::spans::index::Index;
use crate::spans::span::{Name, ReadSpan};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashMap;
use std::fmt;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JaegerSpan {
    #[serde(rename = "traceID")]
    trace: Id,
    #[serde(rename = "spanID")]
    span: Id,
    #[serde(rename = "parentSpanID")]
    parent: Id,
    references: Capped<Reference>,
    tags: Attributes,
    #[serde(rename = "startTime")]
    began: Scalar,
    #[serde(rename = "processID")]
    process_id: Scalar,
    process: Option<Process>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reference {
    #[serde(rename = "refType")]
    kind: Scalar,
    #[serde(rename = "traceID")]
    trace: Id,
    #[serde(rename = "spanID")]
    span: Id,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Process {
    #[serde(rename = "serviceName")]
    service: Scalar,
}

impl JaegerSpan {
    /// Of OpenTelemetry's spans, Jaeger makes the parent a reference `CHILD_OF` within the trace, and of each link a
    /// reference `FOLLOWS_FROM`.
    fn into_read(self) -> ReadSpan {
        let mut parent = self.parent.span();
        let mut links = Vec::new();
        let mut has_parent = false;
        for reference in &self.references.0 {
            let is_child = reference.kind.as_text() == Some("CHILD_OF");
            if is_child && !has_parent && reference.trace == self.trace {
                has_parent = true;
                parent = reference.span.span();
            } else if reference.trace != Id(0) {
                links.push((reference.trace.0, reference.span.span()));
            }
        }
        self.tags.into_read(
            None,
            ReadSpan {
                trace: self.trace.0,
                id: self.span.span(),
                parent,
                links,
                ..ReadSpan::default()
            },
        )
    }
}

/// The spans of each process, until the trace names its service.
type Pending = HashMap<String, Vec<usize>>;

/// Reads the traces of a list, one trace, or `null` into the index.
pub(crate) struct Traces<'i>(pub(crate) &'i mut Index);

impl<'de> DeserializeSeed<'de> for Traces<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Traces<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of Jaeger's traces")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Traces(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let index = self.0;
        let mut pending = Pending::new();
        let mut services = HashMap::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "spans" => {
                    index.is_recognised = true;
                    let pending = &mut pending;
                    map.next_value_seed(Spans { index, pending })?;
                }
                "processes" => {
                    let processes: Option<HashMap<String, Process>> = map.next_value()?;
                    for (id, process) in processes.unwrap_or_default() {
                        services.insert(id, process.name(index));
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        for (process, spans) in pending {
            let service = services.get(&process).copied().unwrap_or_default();
            for span in spans {
                if let Some(span) = index.spans.get_mut(span) {
                    span.service = service;
                }
            }
        }
        Ok(())
    }
}

impl Process {
    fn name(&self, index: &mut Index) -> Name {
        let service = self.service.as_text();
        service.map_or(Name::default(), |service| index.names.keep(service))
    }
}

struct Spans<'i> {
    index: &'i mut Index,
    pending: &'i mut Pending,
}

impl<'de> DeserializeSeed<'de> for Spans<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Spans<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of Jaeger's spans")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(mut span) = list.next_element::<JaegerSpan>()? {
            if let Some(began) = span.began.as_number() {
                self.index.saw_begin(began);
            }
            let service = span.process.take().unwrap_or_default().name(self.index);
            let process = std::mem::take(&mut span.process_id).into_text();
            let kept = self.index.push(&span.into_read(), service);
            if let (Some(kept), Some(process)) = (kept, process) {
                self.pending.entry(process).or_default().push(kept);
            }
        }
        Ok(())
    }
}
