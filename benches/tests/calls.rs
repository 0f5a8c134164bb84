//! A call and the same by hand make the same span. The provider is the process's own, hence a test
//! of its own.

use benches::call::{JetStream, Polling, Receives, Sends, process, process_by_hand};
use benches::client::{Amqp, Client, Kafka, Nats};
use benches::sample::{self, Carried, TRACEPARENT, entry};
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

const CARRIED: Carried = Carried {
    span: true,
    random: false,
    state: 0,
    baggage: 0,
};

fn handled<M: Receives>(ended: &Ended, attributes: usize) {
    let (polling, tracer) = (Polling::default(), global::tracer("by hand"));
    for carried in [
        CARRIED,
        Carried {
            random: true,
            ..CARRIED
        },
        Carried::default(),
    ] {
        let message = M::message(M::Client::received(&carried.entries()));
        polling.run(process::<M>(None, &message), || {});
        let ours = ended.only();
        polling.run(process_by_hand::<M>(&tracer, &message), || {});
        let by_hand = ended.only();
        let same = if carried.span {
            by_hand == ours
        } else {
            // Each has a trace of its own.
            by_hand.attributes == ours.attributes && by_hand.what == ours.what
        };
        assert!(same, "{by_hand:?} {ours:?}");
        assert_eq!(ours.attributes.len(), attributes, "{ours:?}");
    }
    // Two senders that contradict each other.
    let other = TRACEPARENT.replace("4bf9", "4bfa");
    let entries = [("Traceparent", TRACEPARENT), ("TraceParent", &other)];
    let entries = entries.map(|(name, value)| entry(name, value));
    let message = M::message(M::Client::received(&entries));
    polling.run(process::<M>(None, &message), || {});
    let ours = ended.only();
    polling.run(process_by_hand::<M>(&tracer, &message), || {});
    let by_hand = ended.only();
    assert_eq!(by_hand.links, ours.links);
    assert_eq!(by_hand.parent.1, ours.parent.1);
}

fn same<C: Sends + Receives<Client = C>>(ended: &Ended, attributes: [usize; 2]) {
    handled::<C>(ended, attributes[0]);
    let (polling, tracer) = (Polling::default(), global::tracer("by hand"));
    let sender = C::connect();
    let injecting = C::injecting(&sender, None);
    let _current = CARRIED.context().attach();
    for others in [0, 5] {
        let record = || C::record((others > 0).then(|| C::received(&sample::others(others))));
        polling.run(C::send(&injecting, record()), || {});
        let ours = ended.only();
        polling.run(C::send_by_hand(&sender, &tracer, record()), || {});
        assert_eq!(ended.only(), ours);
        assert_eq!(ours.attributes.len(), attributes[1], "{ours:?}");
        polling.run(C::send_without_span(&sender, record()), || {});
        polling.run(C::send_bare(&sender, record()), || {});
    }
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
    handled::<JetStream>(&ended, 9);
}
