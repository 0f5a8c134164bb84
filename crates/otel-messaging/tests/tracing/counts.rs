//! Spans of `tracing` counted, not kept: whether the registry gets back each that is opened.

use crate::message::{NOWHERE, message, spans};
use futures_util::FutureExt;
use opentelemetry::trace::TracerProvider;
use otel_messaging::{Instrumentation, process, with_message_context};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::span::{Attributes, Id};
use tracing::{Instrument, Subscriber, info_span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

#[derive(Clone, Default)]
struct Counts {
    opened: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl<S: Subscriber> Layer<S> for Counts {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.opened.fetch_add(1, Ordering::SeqCst);
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

const MESSAGES: usize = 10_000;

/// Handled, cancelled in the middle, and entered; with a message sent from a span of each.
#[test]
fn ten_thousand_messages_leave_no_span() {
    let (spans, counts) = (spans(), Counts::default());
    let layer = tracing_opentelemetry::layer().with_tracer(spans.provider.tracer("application"));
    let subscriber = tracing_subscriber::registry()
        .with(layer)
        .with(counts.clone());
    let _subscribed = tracing::subscriber::set_default(subscriber);
    let send = || drop(Instrumentation::global().outgoing("send", &NOWHERE));
    for n in 0..MESSAGES {
        let message = message();
        if n % 3 == 0 {
            let _entered = process(&message).enter();
            info_span!("order").in_scope(send);
        } else {
            let handling = with_message_context(&message, |_| {
                let order = async {
                    send();
                    if n % 3 == 1 {
                        std::future::pending().await
                    }
                };
                order.instrument(info_span!("order"))
            });
            assert_eq!(handling.now_or_never().is_none(), n % 3 == 1);
        }
    }
    assert_eq!(counts.opened.load(Ordering::SeqCst), 3 * MESSAGES);
    assert_eq!(counts.closed.load(Ordering::SeqCst), 3 * MESSAGES);
    assert_eq!(spans.ended().len(), 3 * MESSAGES, "each ended once");
}
