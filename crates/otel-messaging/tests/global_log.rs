//! A log that is itself sent as messages, where the pair is the application's global propagator.
//! One test, because the settings belong to the whole process.
#![cfg(feature = "internal-logs")]

use opentelemetry::{Context, KeyValue, baggage::BaggageExt, global};
use otel_messaging::loss::{dropped_fields, refused_fields};
use otel_messaging::{Instrumentation, propagation};
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;
use tracing::subscriber::with_default;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context as Within, Layer, SubscriberExt};
use tracing_subscriber::registry;

struct ChangesThePropagator(mpsc::Sender<()>);

impl<S: Subscriber> Layer<S> for ChangesThePropagator {
    fn on_event(&self, _: &Event<'_>, _: Within<'_, S>) {
        // It waits for whoever reads the setting, and so for ever if that is who writes the log.
        global::set_text_map_propagator(propagation::w3c());
        self.0.send(()).unwrap();
    }
}

#[test]
fn nothing_is_logged_under_the_global_lock() {
    global::set_text_map_propagator(propagation::w3c());
    let (said, lines) = mpsc::channel();
    std::thread::spawn(move || {
        with_default(registry().with(ChangesThePropagator(said)), || {
            let malformed = BTreeMap::from([("traceparent".to_owned(), "00-bad".to_owned())]);
            let _ = otel_messaging::extract(&malformed);
            let members = (0..9).map(|n| KeyValue::new(format!("k{n}"), "v"));
            let context = Context::new().with_baggage(members.collect::<Vec<_>>());
            let little = Instrumentation::builder().with_injection_budget(20).build();
            little.inject(&context, &mut BTreeMap::new());
        });
    });
    for _ in 0..2 {
        lines.recv_timeout(Duration::from_secs(30)).unwrap();
    }
    assert_eq!((refused_fields(), dropped_fields()), (1, 1));
}
