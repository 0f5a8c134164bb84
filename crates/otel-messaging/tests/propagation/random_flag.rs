//! The flag "random trace id" belongs to the trace (Trace Context Level 2, section 3.2.2.5): it goes
//! out as it came in, whatever a sampler decides and an SDK forgets.

use crate::lines::{GOOD, Lines, Marker, Nowhere, direct, extract, inject};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample,
};
use otel_messaging::Received;
use otel_messaging::adapter::{Describe, Destination, TextMap};
use otel_messaging::propagation::{TraceContextPropagator, w3c};
use std::collections::{BTreeMap, HashMap};

fn provider(sampler: impl ShouldSample + 'static) -> SdkTracerProvider {
    SdkTracerProvider::builder().with_sampler(sampler).build()
}

fn traceparent(flags: &str) -> String {
    GOOD.replace("-03", &format!("-{flags}"))
}

struct Message {
    headers: BTreeMap<String, String>,
}

impl Describe<TextMap> for Message {
    type Client = Marker;

    fn destination(&self) -> Destination<'_> {
        Destination::unknown()
    }
}

impl Received<TextMap> for Message {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        Some(&self.headers)
    }
}

fn message(flags: &str) -> Message {
    Message {
        headers: BTreeMap::from([("traceparent".to_owned(), traceparent(flags))]),
    }
}

/// The flags of what goes out, of the trace that came in.
fn flags(headers: &BTreeMap<String, String>) -> &str {
    let header = &headers["traceparent"];
    assert_eq!(header[..35], GOOD[..35], "the trace");
    &header[53..]
}

/// Flags that come in, and those that go out where the sampler says no, yes, and what the sender did.
const FLAGS: [(&str, &str, &str, &str); 4] = [
    ("00", "00", "01", "00"),
    ("01", "00", "01", "01"),
    ("02", "02", "03", "02"),
    ("03", "02", "03", "03"),
];

fn cases() -> impl Iterator<Item = (&'static str, &'static str, SdkTracerProvider)> {
    FLAGS.into_iter().flat_map(|(came, no, yes, as_sent)| {
        let parent_based = Sampler::ParentBased(Box::new(Sampler::AlwaysOff));
        [
            (came, no, provider(Sampler::AlwaysOff)),
            (came, yes, provider(Sampler::AlwaysOn)),
            (came, as_sent, provider(parent_based)),
        ]
    })
}

#[test]
fn it_goes_out_as_it_came_in_from_the_handling_of_a_message() {
    for (came, out, provider) in cases() {
        let by = direct()
            .to_builder()
            .with_tracer_provider(&provider)
            .build();
        let handling = by.process(&message(came)).enter();
        let headers = inject(&Context::current());
        assert_eq!(flags(&headers), out, "{came}, the span of the handling");

        let mut headers = BTreeMap::new();
        let sending = by.outgoing("send", &Nowhere);
        sending.inject(&mut headers, None);
        assert_eq!(flags(&headers), out, "{came}, the span of a send");

        let tracer = provider.tracer("application");
        let context = Context::current_with_span(tracer.start("the application's"));
        let span = tracer.start_with_context("one inside", &context);
        let context = context.with_span(span);
        let context = context.with_baggage([KeyValue::new("a", "1")]);
        assert_eq!(flags(&inject(&context)), out, "{came}, spans inside");
        drop(handling);
    }
}

/// Only OpenTelemetry's own calls lie between the two, as in a program without messages.
#[test]
fn it_goes_out_as_it_came_in_by_way_of_the_propagators_alone() {
    for (came, out, provider) in cases() {
        let headers = HashMap::from([("traceparent".to_owned(), traceparent(came))]);
        let tracer = provider.tracer("application");
        let propagators: [&dyn TextMapPropagator; 2] = [&w3c(), &TraceContextPropagator::new()];
        for propagator in propagators {
            let context = propagator.extract_with_context(&Context::new(), &headers);
            for levels in 1..4 {
                let context = (0..levels).fold(context.clone(), |context, _| {
                    let span = tracer.start_with_context("the application's", &context);
                    context.with_span(span)
                });
                let mut headers = HashMap::new();
                propagator.inject_context(&context, &mut headers);
                assert_eq!(flags(&BTreeMap::from_iter(headers)), out, "{came} {levels}");
            }
        }
        let context = extract(&[("traceparent", &traceparent(came)), ("baggage", "a=1")]);
        let span = tracer.start_with_context("the application's", &context);
        let headers = inject(&context.with_span(span));
        assert_eq!((flags(&headers), &*headers["baggage"]), (out, "a=1"));
    }
}

/// A context that no propagator of ours has read.
#[test]
fn it_is_kept_from_a_parent_of_the_application() {
    let by = direct()
        .to_builder()
        .with_tracer_provider(&provider(Sampler::AlwaysOff))
        .build();
    let context = extract(&[("traceparent", GOOD)]);
    let sender = context.span().span_context().clone();
    let own = Context::new().with_remote_span_context(sender);
    let _attached = own.attach();
    let sending = by.outgoing("send", &Nowhere);
    let mut headers = BTreeMap::new();
    sending.inject(&mut headers, None);
    assert_eq!(flags(&headers), "02");
}

/// Says no to spans of one name.
#[derive(Debug, Clone)]
struct Not(&'static str);

impl ShouldSample for Not {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        name: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        SamplingResult {
            decision: if name == self.0 {
                SamplingDecision::Drop
            } else {
                SamplingDecision::RecordAndSample
            },
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

#[test]
fn a_span_that_is_dropped_in_between_does_not_lose_it() {
    let provider = provider(Not("dropped"));
    let tracer = provider.tracer("application");
    let context = extract(&[("traceparent", GOOD)]);
    let names = ["kept", "dropped", "kept", "dropped"];
    let contexts = names.into_iter().scan(context, |context, name| {
        *context = context.with_span(tracer.start_with_context(name, context));
        Some(context.clone())
    });
    let contexts: Vec<_> = contexts.collect();
    let out = contexts.iter().map(inject);
    let out: Vec<_> = out.map(|headers| flags(&headers).to_owned()).collect();
    assert_eq!(out, ["03", "02", "03", "02"]);
}

#[test]
fn another_trace_does_not_inherit_it() {
    let context = extract(&[("traceparent", GOOD)]);
    let with = |trace_id: u128, flags| {
        let span_id = SpanId::from(1);
        let state = TraceState::NONE;
        let span = SpanContext::new(TraceId::from(trace_id), span_id, flags, false, state);
        let out = inject(&context.with_remote_span_context(span));
        out["traceparent"][53..].to_owned()
    };
    assert_eq!(with(1, TraceFlags::default()), "00");
    assert_eq!(with(1, TraceFlags::SAMPLED), "01");
    assert_eq!(with(1, TraceFlags::new(2)), "02");

    // A trace that is started here has what its SDK gives it.
    let provider = provider(Sampler::AlwaysOn);
    let span = provider
        .tracer("application")
        .start_with_context("root", &Context::new());
    let root = span_flags(&context.with_span(span));
    assert_eq!(root, "01");
}

fn span_flags(context: &Context) -> String {
    inject(context)["traceparent"][53..].to_owned()
}

/// The traceparent that was read last counts, of the same trace too.
#[test]
fn a_later_traceparent_says_it_anew() {
    for propagator in [
        &w3c() as &dyn TextMapPropagator,
        &TraceContextPropagator::new(),
    ] {
        let mut context = Context::new();
        for flags in ["03", "00", "02", "01", "03"] {
            let lines = Lines::of(&[("traceparent", &traceparent(flags))]);
            context = propagator.extract_with_context(&context, &lines);
            assert_eq!(span_flags(&context), flags);
            let provider = provider(Sampler::AlwaysOff);
            let span = provider
                .tracer("application")
                .start_with_context("a", &context);
            let expected = if flags >= "02" { "02" } else { "00" };
            assert_eq!(span_flags(&context.with_span(span)), expected, "{flags}");
        }
    }
}

/// Without an SDK, what came in goes out.
#[test]
fn it_survives_where_nothing_traces() {
    for (came, ..) in FLAGS {
        let _handling = direct().process(&message(came)).enter();
        assert_eq!(flags(&inject(&Context::current())), came);
    }
}
