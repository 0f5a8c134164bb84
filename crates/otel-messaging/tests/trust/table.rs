//! Each cell of the table in TRUST.md.

use crate::cells::{self, Arrives, Cell, Expected, Links, OTHER_SENDER, SENDER, Sampled, cells};
use crate::program::{Message, Program, headers, to};
use crate::warned::lines;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt};
use opentelemetry_sdk::trace::{Sampler, SpanData};
use otel_messaging::Instrumentation;
use otel_messaging::sdk::Resampler;
use otel_messaging::trust::{IncomingPolicy, Messages};

/// How a message was handled.
struct Handled {
    span: SpanContext,
    /// What was exported.
    exported: Option<SpanData>,
    /// What a message carries that the handler sends.
    sent: crate::program::Headers,
    is_warned: bool,
}

/// Handles a message by a sampler that samples all roots, or none.
fn handle(policy: IncomingPolicy, message: &Message, samples: bool) -> Handled {
    let root = if samples {
        Sampler::AlwaysOn
    } else {
        Sampler::AlwaysOff
    };
    let program = Program::sampling(Resampler::new(Sampler::ParentBased(Box::new(root))));
    let by = program
        .builder()
        .with_incoming(Messages::all(), policy)
        .build();
    let mut handled = None;
    let warnings = lines(message.parts[0], || {
        handled = Some(process(&by, message));
    });
    let (span, sent) = handled.expect("handled");
    let spans = program.ended();
    let exported = spans
        .into_iter()
        .find(|span| span.name.starts_with("process"));
    Handled {
        span,
        exported,
        sent,
        is_warned: warnings > 0,
    }
}

fn process(by: &Instrumentation, message: &Message) -> (SpanContext, crate::program::Headers) {
    let entered = by.process(message).enter();
    let span = entered.context().span().span_context().clone();
    let mut sent = headers::<&str>([]);
    let outgoing = by.outgoing("send", &to::<&str>(["parcels", "", ""], []));
    outgoing.inject(&mut sent, None);
    (span, sent)
}

/// The senders to which a span is linked, each by its ids alone if it is not believed.
fn assert_links(span: &SpanData, senders: &[[&str; 2]], with_ids_alone: bool) {
    let ids = |id: &SpanContext| [id.trace_id().to_string(), id.span_id().to_string()];
    let links: Vec<_> = span
        .links
        .iter()
        .map(|link| ids(&link.span_context))
        .collect();
    assert_eq!(links, senders);
    for link in span.links.iter().filter(|_| with_ids_alone) {
        assert!(!link.span_context.is_sampled());
        assert!(link.span_context.trace_state().header().is_empty());
    }
}

fn check(cell: Cell, samples: bool) {
    let Cell {
        policy,
        arrives,
        expected,
    } = cell;
    let name = format!("table.{policy:?}.{arrives:?}.{samples}");
    let message = to([name.leak(), "", ""], arrives.headers());
    let handled = handle(policy, &message, samples);
    let is_child = handled.span.trace_id().to_string() == SENDER[0];
    let parent = handled.exported.as_ref().map(|span| span.parent_span_id);
    let is_believed = matches!(
        policy,
        IncomingPolicy::Continue | IncomingPolicy::ContinueAndWarn
    );
    let is_sampled = handled.span.is_sampled();
    assert_eq!(is_sampled, handled.exported.is_some());
    // The flag that goes out is the one that was decided, and the ids are those of the trace.
    let sent = &handled.sent["traceparent"];
    assert!(
        sent.contains(&handled.span.trace_id().to_string()),
        "{sent}"
    );
    assert_eq!(sent.ends_with("01"), is_sampled, "{sent}");
    match expected {
        Expected::Root(links) => {
            assert!(!is_child);
            assert_eq!(is_sampled, samples);
            let senders: &[_] = match links {
                Links::None => &[],
                Links::One => &[SENDER],
                Links::Each => &[SENDER, OTHER_SENDER],
            };
            if let Some(span) = &handled.exported {
                assert_eq!(span.parent_span_id, SpanId::INVALID);
                let mut span = span.clone();
                span.links
                    .links
                    .sort_by_key(|link| link.span_context.trace_id().to_string());
                assert_links(&span, senders, !is_believed);
            }
        }
        Expected::Child { sampled, is_warned } => {
            assert!(is_child);
            let expected = match sampled {
                Sampled::Yes => true,
                Sampled::No => false,
                Sampled::BySampler => samples,
            };
            assert_eq!(is_sampled, expected);
            assert_eq!(
                handled.is_warned,
                is_warned && cfg!(feature = "internal-logs")
            );
            assert!(parent.is_none_or(|parent| parent.to_string() == SENDER[1]));
            if let Some(span) = &handled.exported {
                assert_links(span, &[SENDER], !is_believed);
            }
        }
        Expected::Kept | Expected::Dropped => {
            let (field, value) = match arrives {
                Arrives::Baggage => ("baggage", cells::BAGGAGE),
                _ => ("tracestate", cells::TRACESTATE),
            };
            let sent = handled.sent.get(field).map(String::as_str);
            let expected = (expected == Expected::Kept).then_some(value);
            assert_eq!(sent, expected, "{field}");
        }
    }
}

#[test]
fn a_message_is_handled_as_the_table_says() {
    for cell in cells() {
        for samples in [true, false] {
            println!("{cell:?}, the sampler samples: {samples}");
            check(cell, samples);
        }
    }
}

/// The same table, for the messages of a batch.
#[test]
fn a_batch_believes_as_the_table_says() {
    for cell in cells() {
        println!("{cell:?}");
        let program = Program::sampling(Resampler::new(Sampler::AlwaysOn));
        let by = program.incoming(cell.policy);
        let message = to(["table.batch", "", ""], cell.arrives.headers());
        let (span, batch) = by.process_batch([&message]);
        let context = batch[0].context().clone();
        let own = context.span().span_context().clone();
        let is_senders = own.trace_id().to_string() == SENDER[0];
        match cell.expected {
            Expected::Root(_) => {
                assert_eq!(&own, span.context().span().span_context());
            }
            Expected::Child { sampled, .. } => {
                assert!(is_senders);
                // Not marked by the flag that came, but by the sampler at the next span.
                assert_eq!(own.is_sampled(), sampled == Sampled::Yes);
            }
            Expected::Kept if cell.arrives == Arrives::Baggage => {
                assert_eq!(context.baggage().len(), 1);
            }
            Expected::Dropped if cell.arrives == Arrives::Baggage => {
                assert!(context.baggage().is_empty());
            }
            Expected::Kept => assert_eq!(own.trace_state().header(), cells::TRACESTATE),
            Expected::Dropped => assert!(own.trace_state().header().is_empty()),
        }
        drop((span, batch));
        let links = program.only().links.len();
        let expected = match cell.expected {
            Expected::Root(Links::None) => 0,
            Expected::Root(Links::Each) => 2,
            _ if cell.policy == IncomingPolicy::RestartWithoutLink => 0,
            _ => 1,
        };
        assert_eq!(links, expected);
    }
}
