//! A program whose spans of `tracing` are themselves sent as messages, by a layer of its own. One
//! test, because the subscriber is the program's.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use crate::message::{NOWHERE, message, spans};
use opentelemetry::trace::TracerProvider;
use otel_messaging::Instrumentation;
use otel_messaging::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber, info, info_span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Sends a message for all that it hears of.
struct Ship;

static SHIPPED: AtomicUsize = AtomicUsize::new(0);

fn ship() {
    // What would go on until the stack is used up.
    assert!(SHIPPED.fetch_add(1, Ordering::SeqCst) < 100);
    drop(Instrumentation::global().outgoing("ship", &NOWHERE));
}

impl<S: Subscriber> Layer<S> for Ship {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        ship();
    }

    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        ship();
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        ship();
    }
}

/// What is sent for a message's own span opens no other.
#[test]
fn a_layer_that_sends_messages_comes_to_an_end() {
    let spans = spans();
    let layer = tracing_opentelemetry::layer().with_tracer(spans.provider.tracer("application"));
    let subscriber = tracing_subscriber::registry().with(layer).with(Ship);
    tracing::subscriber::set_global_default(subscriber).expect("the only one");

    let message = message();
    let entered = process(&message).enter();
    info_span!("work").in_scope(|| info!("an event"));
    drop(entered);

    let ended = spans.ended();
    let names: Vec<_> = ended.iter().map(|span| &*span.name).collect();
    // For the beginning and the end of `work`, and for the event in it. What is shipped for these
    // spans in turn, and for that of the message, is no span of `tracing`.
    assert_eq!(names, ["ship", "ship", "work", "ship", "process orders"]);
}
