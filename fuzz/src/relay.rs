//! A message that is received and sent on.

use crate::carried::Carried;
use crate::carrier::{Client, FIELDS, check_carried, rest, without, written};
use crate::room::check_room;
use crate::{w3c, watch};
use allocation_counter::measure;
use opentelemetry::Context;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use otel_messaging::Instrumentation;
use otel_messaging::propagation::{BaggagePropagator, TraceContextPropagator};

/// Extracts, sends on, and sends on again.
pub fn check_relay<C: Client>(input: &[u8], headers: &C::Headers) {
    let us = Instrumentation::default();
    let entries = C::entries(headers);
    // Headers that cannot be changed in place are copied.
    let copy = measure(|| drop(headers.clone())).bytes_total;
    let copy = usize::try_from(copy).expect("a size");
    let extract = |headers| watch::bounded(input.len(), input, || us.extract(headers));
    let inject = |context: &Context, headers: &mut C::Headers| {
        watch::bounded(input.len() + copy, input, || us.inject(context, headers));
        assert_eq!(rest::<C>(headers, &FIELDS), without::<C>(&entries, &FIELDS));
    };

    let context = extract(headers);
    let carried = Carried::of(&context);
    check_carried::<C>(headers, &carried);
    check_same_by_extractor::<C>(headers, &carried);

    let mut relayed = headers.clone();
    let dropped = otel_messaging::loss::dropped_fields();
    inject(&context, &mut relayed);
    let dropped = otel_messaging::loss::dropped_fields() - dropped;
    let fields = written::<C>(&relayed);
    let [sender, state, baggage] = fields.each_ref().map(Option::as_deref);
    w3c::check_written(sender, state, baggage);

    let again = extract(&relayed);
    let received = Carried::of(&again);
    carried.check_relayed(&received);
    assert!(received == carried || dropped > 0, "nothing was counted");
    let once = C::entries(&relayed);
    inject(&again, &mut relayed);
    assert_eq!(C::entries(&relayed), once);

    let full = carried.fits().then_some(&fields);
    check_budget::<C>(input, headers, &context, &fields[0], full);
    check_room::<C>(input, headers, &context);

    inject(&Context::new(), &mut relayed);
    assert_eq!(C::entries(&relayed), without::<C>(&entries, &FIELDS));
}

/// Extracts and sends on with the propagators of OpenTelemetry's SDK, which accept and write what
/// the rules refuse.
pub fn check_relay_by_others<C: Client>(headers: &C::Headers) {
    let others = given(vec![
        Box::new(opentelemetry_sdk::propagation::TraceContextPropagator::new()),
        Box::new(opentelemetry_sdk::propagation::BaggagePropagator::new()),
    ]);
    let mut relayed = headers.clone();
    others.inject(&others.extract(headers), &mut relayed);
    assert_eq!(rest::<C>(&relayed, &FIELDS), rest::<C>(headers, &FIELDS));
    written::<C>(&relayed);
}

/// The direct path reads what the propagators read by way of an `Extractor`.
fn check_same_by_extractor<C: Client>(headers: &C::Headers, carried: &Carried) {
    assert_eq!(Carried::of(&ours_as_given().extract(headers)), *carried);
}

/// Injects within fewer bytes: of the baggage first, and no `traceparent` at all. The direct path
/// writes what the propagators write by way of an `Injector`. `full` is everything, unless that is
/// itself too large.
fn check_budget<C: Client>(
    input: &[u8],
    headers: &C::Headers,
    context: &Context,
    sender: &Option<String>,
    full: Option<&[Option<String>; 3]>,
) {
    let budget = input.iter().map(|byte| usize::from(*byte)).sum::<usize>() % 512;
    let mut direct = headers.clone();
    let us = Instrumentation::builder()
        .with_injection_budget(budget)
        .build();
    us.inject(context, &mut direct);
    let mut detour = headers.clone();
    let us = ours_as_given().to_builder().with_injection_budget(budget).build();
    us.inject(context, &mut detour);
    assert_eq!(C::entries(&direct), C::entries(&detour), "{budget}");

    let cut = written::<C>(&direct);
    assert_eq!(cut[0], *sender);
    let [sender, state, baggage] = cut.each_ref().map(Option::as_deref);
    w3c::check_written(sender, state, baggage);
    let size = |name: &str, value: Option<&str>| value.map_or(0, |value| name.len() + value.len());
    let [of_sender, of_state, of_baggage] = FIELDS;
    let room = budget.saturating_sub(size(of_sender, sender));
    let taken = size(of_state, state) + size(of_baggage, baggage);
    assert!(taken <= room, "{budget}");

    let Some([_, full_state, full_baggage]) = full else {
        return;
    };
    let (full_state, full_baggage) = (full_state.as_deref(), full_baggage.as_deref());
    let expected =
        full_state.map(|full| w3c::shortened_tracestate(full, room.saturating_sub(of_state.len())));
    assert_eq!(state.unwrap_or_default(), expected.unwrap_or_default());
    let room = if state == full_state {
        room - size(of_state, state)
    } else {
        0
    };
    let expected = full_baggage
        .map(|full| w3c::shortened_baggage(full, room.saturating_sub(of_baggage.len())));
    assert_eq!(baggage.unwrap_or_default(), expected.unwrap_or_default());
}

fn ours_as_given() -> Instrumentation {
    given(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
}

fn given(propagators: Vec<Box<dyn TextMapPropagator + Send + Sync>>) -> Instrumentation {
    let propagator = TextMapCompositePropagator::new(propagators);
    Instrumentation::builder()
        .with_propagator(propagator)
        .build()
}
