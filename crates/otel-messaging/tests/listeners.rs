//! What a message is asked where a subscriber of `tracing` does not want its span. One test: on a thread
//! without a subscriber, `tracing` asks those of other threads.
#![cfg(feature = "tracing")]

#[path = "core/counting.rs"]
mod counting;
#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use counting::asked;
use message::spans;
use opentelemetry::trace::TracerProvider;
use otel_messaging::{Instrumentation, process};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, registry};

/// How often a message is asked that is handled and sent.
fn counts() -> (u32, u32) {
    let message = asked();
    drop(process(&message).enter());
    drop(Instrumentation::global().outgoing("send", &message));
    message.counts()
}

#[test]
fn a_message_is_asked_where_its_span_is_wanted() {
    let spans = spans();
    let layer = || tracing_opentelemetry::layer().with_tracer(spans.provider.tracer("application"));
    assert_eq!(counts(), (0, 0), "no subscriber");

    let filtered = registry().with(layer()).with(LevelFilter::WARN);
    tracing::subscriber::with_default(filtered, || assert_eq!(counts(), (0, 0)));
    let filtered = registry().with(layer().with_filter(LevelFilter::WARN));
    tracing::subscriber::with_default(filtered, || assert_eq!(counts(), (0, 0)));

    // It takes a span to find out that there is no layer.
    tracing::subscriber::with_default(registry(), || {
        counts();
        assert_eq!(counts(), (0, 0));
    });
    assert!(spans.ended().is_empty());

    let wanted = registry().with(layer());
    tracing::subscriber::with_default(wanted, || assert_eq!(counts(), (2, 2)));
    assert_eq!(spans.ended().len(), 2);
}
