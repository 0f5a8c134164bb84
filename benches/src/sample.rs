//! Contexts and headers to measure with: the same in every run.

use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};

/// Names and values, as they come in.
pub type Entries = Vec<(String, String)>;

pub const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What a context holds, and the headers that carry it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried {
    pub span: bool,
    /// Whether the trace has the flag "random trace id", as services in other languages send it.
    pub random: bool,
    /// The members of tracestate.
    pub state: usize,
    /// The members of baggage.
    pub baggage: usize,
}

impl Carried {
    /// A span, and nothing else.
    pub const SPAN: Self = Self {
        span: true,
        random: false,
        state: 0,
        baggage: 0,
    };

    pub fn context(self) -> Context {
        let mut context = Context::new();
        if self.span {
            let state = TraceState::from_key_value(state(self.state)).unwrap_or_default();
            context = context.with_remote_span_context(SpanContext::new(
                TraceId::from(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736),
                SpanId::from(0x00f0_67aa_0ba9_02b7),
                if self.random {
                    TraceFlags::new(0x03)
                } else {
                    TraceFlags::SAMPLED
                },
                true,
                state,
            ));
        }
        if self.baggage > 0 {
            let members = baggage(self.baggage);
            context = context.with_baggage(members.map(|(key, value)| KeyValue::new(key, value)));
        }
        context
    }

    pub fn entries(self) -> Entries {
        let mut entries = Entries::new();
        if self.span {
            let traceparent = if self.random {
                TRACEPARENT.replace("-01", "-03")
            } else {
                TRACEPARENT.to_owned()
            };
            entries.push(entry("traceparent", &traceparent));
        }
        if self.state > 0 {
            entries.push(entry("tracestate", &list(state(self.state))));
        }
        if self.baggage > 0 {
            // The sample's values have nothing to encode but spaces.
            let members =
                baggage(self.baggage).map(|(key, value)| (key, value.replace(' ', "%20")));
            entries.push(entry("baggage", &list(members)));
        }
        entries
    }
}

pub fn entry(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// What else stands in a message. Some names are as long as those of the context.
pub fn others(count: usize) -> Entries {
    const NAMES: [&str; 10] = [
        "content-type",
        "tenant",
        "retry-count",
        "order-id",
        "user-agent",
        "version",
        "source",
        "x-request-id",
        "priority",
        "reply-topic",
    ];
    (0..count)
        .map(|index| match NAMES.get(index) {
            Some(name) => (*name).to_owned(),
            None => format!("{}-{}", NAMES[index % 10], index / 10),
        })
        .map(|name| (name, "application/json".to_owned()))
        .collect()
}

fn state(members: usize) -> impl Iterator<Item = (String, String)> {
    (0..members).map(|index| {
        (
            format!("vendor{index}"),
            format!("00f067aa0ba902{index:02}"),
        )
    })
}

fn baggage(members: usize) -> impl Iterator<Item = (String, String)> {
    (0..members).map(|index| {
        let space = if index % 4 == 3 { ' ' } else { '-' };
        (
            format!("tenant-{index:02}"),
            format!("acme{space}corp-{index:02}"),
        )
    })
}

fn list(members: impl Iterator<Item = (String, String)>) -> String {
    let members = members.map(|(key, value)| format!("{key}={value}"));
    members.collect::<Vec<_>>().join(",")
}
