//! A layer of `tracing` that panics whenever a span closes. One test, because it is off for the whole
//! process then.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::{message, spans};
use opentelemetry::trace::TracerProvider;
use otel_messaging::loss::caught_panics;
use otel_messaging::{closure_in_context, process};
use tracing::Subscriber;
use tracing::span::Id;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

struct PanicsAtTheEnd;

impl<S: Subscriber> Layer<S> for PanicsAtTheEnd {
    fn on_close(&self, _: Id, _: Context<'_, S>) {
        panic!("a span closes");
    }
}

/// Whatever goes well beside it.
#[test]
fn it_is_off_after_sixteen_in_a_row() {
    let spans = spans();
    let layer = tracing_opentelemetry::layer().with_tracer(spans.provider.tracer("application"));
    let subscriber = tracing_subscriber::registry()
        .with(layer)
        .with(PanicsAtTheEnd);
    let _default = tracing::subscriber::set_default(subscriber);
    for _ in 0..40 {
        let message = message();
        let _entered = process(&message).enter();
        closure_in_context(|| ())();
    }
    assert_eq!(caught_panics(), 16);
    assert_eq!(spans.ended().len(), 16);
}
