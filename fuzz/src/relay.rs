//! A message that is received and sent on.

use crate::carried::Carried;
use crate::carrier::{Client, FIELDS, check_carried, rest, without, written};
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
    let dropped = otel_messaging::dropped_fields();
    inject(&context, &mut relayed);
    let dropped = otel_messaging::dropped_fields() - dropped;
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

    check_budget::<C>(input, headers, &context, &fields);

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

/// Injects within fewer bytes: cut from the right, the baggage first, and no `traceparent` at all.
/// The direct path writes what the propagators write by way of an `Injector`.
fn check_budget<C: Client>(
    input: &[u8],
    headers: &C::Headers,
    context: &Context,
    full: &[Option<String>; 3],
) {
    let budget = input.iter().map(|byte| usize::from(*byte)).sum::<usize>() % 512;
    let mut direct = headers.clone();
    let us = Instrumentation::default().with_injection_budget(budget);
    us.inject(context, &mut direct);
    let mut detour = headers.clone();
    let us = ours_as_given().with_injection_budget(budget);
    us.inject(context, &mut detour);
    assert_eq!(C::entries(&direct), C::entries(&detour), "{budget}");

    let cut = written::<C>(&direct);
    let [sender, state, baggage] = cut.each_ref().map(Option::as_deref);
    w3c::check_written(sender, state, baggage);
    assert_eq!(cut[0], full[0]);
    let sizes = FIELDS.iter().zip(&cut);
    let sizes =
        sizes.map(|(name, value)| value.as_ref().map_or(0, |value| name.len() + value.len()));
    let [sender, state, baggage] = *sizes.collect::<Vec<_>>() else {
        unreachable!("three fields");
    };
    assert!(
        state + baggage == 0 || sender + state + baggage <= budget,
        "{budget}"
    );
    for (cut, full) in cut.iter().zip(full).skip(1) {
        let full = full.as_deref().unwrap_or_default();
        let rest = full.strip_prefix(cut.as_deref().unwrap_or_default());
        let rest = rest.expect("the beginning");
        assert!(rest.is_empty() || cut.is_none() || rest.starts_with(','));
    }
    assert!(
        cut[1] == full[1] || cut[2].is_none(),
        "tracestate was cut first"
    );
}

fn ours_as_given() -> Instrumentation {
    given(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
}

fn given(propagators: Vec<Box<dyn TextMapPropagator + Send + Sync>>) -> Instrumentation {
    let propagator = TextMapCompositePropagator::new(propagators);
    Instrumentation::default().with_propagator(propagator)
}
