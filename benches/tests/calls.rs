//! A call and the same by hand make the same span. The provider is the process's own, hence a test
//! of its own.

use benches::call::{Calls, Polling, process, process_by_hand};
use benches::client::{Amqp, Kafka, Nats};
use benches::sample::Carried;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry::{Context, global};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanProcessor};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keeps the spans that have ended.
#[derive(Debug, Clone, Default)]
struct Ended(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Ended {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().expect("no panic").push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// A span, comparable.
#[derive(Debug, PartialEq)]
struct Told {
    what: String,
    parent: (TraceId, SpanId),
    links: Vec<SpanId>,
    attributes: Vec<String>,
}

impl Ended {
    /// Takes the one span that has ended since the last call.
    fn only(&self) -> Told {
        let mut spans = std::mem::take(&mut *self.0.lock().expect("no panic"));
        let span = spans.pop().expect("a span");
        assert_eq!(spans.len(), 0);
        let mut attributes: Vec<_> = span
            .attributes
            .iter()
            .map(|attribute| match attribute.key.as_str() {
                // Each time another one.
                key @ ("kafka.offset" | "otel_messaging.queue_time") => key.to_owned(),
                key => format!("{key} = {}", attribute.value),
            })
            .collect();
        attributes.sort();
        let links = span.links.iter();
        Told {
            what: format!("{} {:?} {:?}", span.name, span.span_kind, span.status),
            parent: (span.span_context.trace_id(), span.parent_span_id),
            links: links.map(|link| link.span_context.span_id()).collect(),
            attributes,
        }
    }
}

fn same<C: Calls>(ended: &Ended, attributes: [usize; 2]) {
    let carried = Carried {
        span: true,
        ..Carried::default()
    };
    let (polling, tracer) = (Polling::default(), global::tracer("by hand"));
    let message = C::message(C::received(&carried.entries()));
    polling.run(process::<C>(None, &message), || {});
    let ours = ended.only();
    polling.run(process_by_hand::<C>(&tracer, &message), || {});
    assert_eq!(ended.only(), ours);
    assert_eq!(ours.attributes.len(), attributes[0], "{ours:?}");

    let sender = C::connect();
    let injecting = C::injecting(&sender, None);
    let _current = carried.context().attach();
    polling.run(C::send(&injecting, C::record()), || {});
    let ours = ended.only();
    polling.run(C::send_by_hand(&sender, &tracer, C::record()), || {});
    assert_eq!(ended.only(), ours);
    assert_eq!(ours.attributes.len(), attributes[1], "{ours:?}");
    polling.run(C::send_without_span(&sender, C::record()), || {});
}

#[test]
fn a_call_and_the_same_by_hand_make_the_same_span() {
    let ended = Ended::default();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(ended.clone())
        .build();
    global::set_tracer_provider(provider);
    same::<Amqp>(&ended, [6, 5]);
    same::<Kafka>(&ended, [8, 10]);
    same::<Nats>(&ended, [4, 4]);
}
