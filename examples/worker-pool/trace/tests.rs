use super::*;
use crate::order::Parcel;
use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

/// Begins a span inside `parent`, ends it and gives its context.
fn span(tracer: &SdkTracer, builder: SpanBuilder, parent: &Context) -> Context {
    let span = builder.start_with_context(tracer, parent);
    let context = Context::new().with_span(span);
    context.span().end();
    context
}

fn ids_of(context: &Context) -> SpanContext {
    context.span().span_context().clone()
}

/// One order of two articles, on one pallet: its spans, in this order, and its ledger.
fn run() -> (Vec<SpanData>, Ledger) {
    let recorder = Recorder::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(recorder.clone())
        .build();
    let tracer = provider.tracer("test");
    let builder = |name: &'static str, kind| tracer.span_builder(name).with_kind(kind);
    let position = Position {
        partition: 0,
        offset: 3,
    };

    let sending = builder("send orders", SpanKind::Producer);
    let sending = span(&tracer, sending, &Context::new());
    let handling = builder("process orders", SpanKind::Consumer).with_attributes([
        KeyValue::new(semconv::KAFKA_OFFSET, position.offset),
        KeyValue::new(semconv::MESSAGING_DESTINATION_PARTITION_ID, "0"),
    ]);
    let handling = span(&tracer, handling, &sending);
    let parcels = ["tea", "pot"].map(|article| {
        let packing = builder("pack article", SpanKind::Internal)
            .with_attributes([KeyValue::new(ORDER, 7), KeyValue::new(ARTICLE, article)]);
        let packing = span(&tracer, packing, &handling);
        let parcel = Parcel {
            order: 7,
            article: article.to_owned(),
        };
        (parcel, Some(Link::with_context(ids_of(&packing))))
    });

    let links = parcels
        .iter()
        .filter_map(|(_, link)| link.clone())
        .collect();
    let loading = builder("load pallet", SpanKind::Internal).with_links(links);
    let loading = span(&tracer, loading, &Context::new());
    let outgoing = builder("send pallets", SpanKind::Producer);
    let outgoing = span(&tracer, outgoing, &loading);
    let arrival = builder("process pallets", SpanKind::Consumer);
    span(&tracer, arrival, &outgoing);

    let ledger = Ledger {
        orders: vec![OrderTaken {
            number: 7,
            position,
            sender: ids_of(&sending),
            handling: ids_of(&handling),
            articles: 2,
            workers: vec![1, 2],
        }],
        pallets: vec![PalletLoaded {
            trace_id: ids_of(&loading).trace_id(),
            position,
            parcels: parcels.into(),
        }],
    };
    (recorder.spans().0, ledger)
}

const HANDLING: usize = 1;
const PACKING: usize = 2;
const LOADING: usize = 4;
const SENDING: usize = 5;
const ARRIVAL: usize = 6;

fn complaint(change: impl FnOnce(&mut Vec<SpanData>)) -> String {
    let (mut spans, ledger) = run();
    change(&mut spans);
    let complaint = Spans(spans)
        .check(&ledger)
        .expect_err("not as it should be");
    format!("{complaint:#}")
}

#[test]
fn a_run_as_it_should_be_is_accepted() {
    let (spans, ledger) = run();
    Spans(spans).check(&ledger).expect("as it should be");
}

#[test]
fn what_is_missing_is_named() {
    for (index, expected) in [
        (HANDLING, "order 7: the span of its handling is missing"),
        (
            PACKING,
            "order 7: 1 of its 2 articles were packed inside its handling",
        ),
        (LOADING, "pallet 3: the span of its loading is missing"),
        (SENDING, "pallet 3: the span of its sending is missing"),
        (ARRIVAL, "pallet 3: the span of its arrival is missing"),
    ] {
        let complaint = complaint(|spans| drop(spans.remove(index)));
        assert_eq!(complaint, expected);
    }
}

#[test]
fn what_is_one_too_many_is_named() {
    for (index, expected) in [
        (
            HANDLING,
            "order 7: there is more than one span of its handling",
        ),
        (
            PACKING,
            "order 7: 3 of its 2 articles were packed inside its handling",
        ),
        (
            LOADING,
            "pallet 3: there is more than one span of its loading",
        ),
    ] {
        let complaint = complaint(|spans| spans.push(spans[index].clone()));
        assert_eq!(complaint, expected);
    }
}

#[test]
fn another_parent_is_named() {
    let packed = "order 7: 1 of its 2 articles were packed inside its handling";
    for (index, expected) in [
        (
            HANDLING,
            "order 7: its handling: the parent of `process orders` is another",
        ),
        (PACKING, packed),
        (LOADING, "pallet 3: its loading is no root"),
        (
            SENDING,
            "pallet 3: its sending: the parent of `send pallets` is another",
        ),
        (
            ARRIVAL,
            "pallet 3: its arrival: the parent of `process pallets` is another",
        ),
    ] {
        let complaint = complaint(|spans| spans[index].parent_span_id = SpanId::from(7));
        assert_eq!(complaint, expected);
    }
}

/// With all else right: a worker's span in the trace of another order.
#[test]
fn another_trace_is_named() {
    let in_another = |span: &mut SpanData| {
        let was = &span.span_context;
        span.span_context = SpanContext::new(
            TraceId::from(7),
            was.span_id(),
            was.trace_flags(),
            false,
            was.trace_state().clone(),
        );
    };
    let complaint = complaint(|spans| in_another(&mut spans[PACKING]));
    assert_eq!(
        complaint,
        "order 7: 1 of its 2 articles were packed inside its handling"
    );
}

#[test]
fn the_handling_of_another_message_is_named() {
    let other = complaint(|spans| {
        let attributes = &mut spans[HANDLING].attributes;
        attributes.retain(|attribute| attribute.key.as_str() != semconv::KAFKA_OFFSET);
    });
    assert_eq!(other, "order 7: its handling is that of another message");
}

/// A consumer that started a trace of its own.
#[test]
fn a_handling_outside_its_senders_trace_is_named() {
    let (spans, mut ledger) = run();
    let was = ledger.orders[0].sender.clone();
    ledger.orders[0].sender = SpanContext::new(
        TraceId::from(7),
        was.span_id(),
        was.trace_flags(),
        true,
        was.trace_state().clone(),
    );
    let complaint = Spans(spans).check(&ledger).expect_err("another trace");
    let complaint = format!("{complaint:#}");
    assert!(complaint.starts_with("order 7: its handling: `process orders` is in the trace"));
}

#[test]
fn a_link_to_something_else_is_named() {
    let elsewhere = complaint(|spans| {
        let sending = spans[0].span_context.clone();
        spans[LOADING].links.links[1] = Link::with_context(sending);
    });
    assert_eq!(elsewhere, "pallet 3: it has no link to pot of order 7");
    let missing = complaint(|spans| drop(spans[LOADING].links.links.pop()));
    assert_eq!(missing, "pallet 3: it has 1 links, for 2 parcels");
}
