//! Contexts in other formats than W3C's.

mod decode;
mod name;

pub(crate) use decode::base64;

use crate::explain::foreign::decode::Ids;
use crate::message::Header;
use opentelemetry::TraceId;

/// A format of contexts, beside W3C's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Format {
    /// `b3`, in one header.
    B3,
    /// `X-B3-TraceId` and those like it.
    B3Multi,
    Jaeger,
    Datadog,
    XRay,
    SkyWalking,
    /// The extension for distributed tracing: a `traceparent` that is an attribute of the event.
    CloudEvents,
    GoogleCloud,
    NewRelic,
    Sentry,
    Elastic,
}

impl Format {
    pub(crate) const ALL: [Format; 11] = [
        Format::B3,
        Format::B3Multi,
        Format::Jaeger,
        Format::Datadog,
        Format::XRay,
        Format::SkyWalking,
        Format::CloudEvents,
        Format::GoogleCloud,
        Format::NewRelic,
        Format::Sentry,
        Format::Elastic,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::B3 => "B3",
            Format::B3Multi => "B3 (several headers)",
            Format::Jaeger => "Jaeger",
            Format::Datadog => "Datadog",
            Format::XRay => "AWS X-Ray",
            Format::SkyWalking => "SkyWalking",
            Format::CloudEvents => "CloudEvents",
            Format::GoogleCloud => "Google Cloud",
            Format::NewRelic => "New Relic",
            Format::Sentry => "Sentry",
            Format::Elastic => "Elastic APM",
        }
    }
}

/// A trace id, as wide as its format has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForeignTraceId {
    Wide(u128),
    /// 64 bits. Those who join both formats take them for the low half of W3C's.
    Low(u64),
}

impl ForeignTraceId {
    /// Whether it is another trace than W3C's context names.
    pub(crate) fn contradicts(self, trace_id: TraceId) -> bool {
        let other = u128::from_be_bytes(trace_id.to_bytes());
        match self {
            ForeignTraceId::Wide(id) => id != other,
            ForeignTraceId::Low(id) => u128::from(id) != other & u128::from(u64::MAX),
        }
    }
}

/// A context in another format, decoded as far as its ids go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub(crate) format: Format,
    ids: Ids,
}

impl Foreign {
    /// `None` if the format has none of such a width, or it cannot be read.
    pub(crate) fn trace_id(&self) -> Option<ForeignTraceId> {
        let low = self.ids.trace_id?;
        match (self.ids.high, low) {
            // Datadog has the high half in a header of its own.
            (Some(high), ForeignTraceId::Low(low)) => Some(ForeignTraceId::Wide(
                u128::from(high) << 64 | u128::from(low),
            )),
            _ => Some(low),
        }
    }

    pub(crate) fn span_id(&self) -> Option<u64> {
        self.ids.span_id
    }

    /// `None` if the sender leaves it open.
    pub(crate) fn sampled(&self) -> Option<bool> {
        self.ids.sampled
    }
}

/// The formats that headers have, each once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Formats([Option<Foreign>; Format::ALL.len()]);

impl Formats {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Foreign> {
        self.0.iter().flatten()
    }
}

/// Finds the contexts of other formats, by the names of the headers.
pub(crate) fn formats(headers: &[Header<'_>]) -> Formats {
    let mut formats = Formats::default();
    for header in headers {
        let Some((format, part)) = name::meaning(header.name) else {
            continue;
        };
        let Some(place) = formats.0.get_mut(format as usize) else {
            continue;
        };
        let foreign = place.get_or_insert(Foreign {
            format,
            ids: Ids::default(),
        });
        foreign.ids.read(part, header.value);
    }
    formats
}

/// The format that a header of this name belongs to.
pub(crate) fn format_of(name: &[u8]) -> Option<Format> {
    name::meaning(name).map(|(format, _)| format)
}

#[cfg(test)]
mod tests;
