//! The warning that a message continues the trace of its sender.

use crate::program::{Program, SAMPLED, to};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use otel_messaging::trust::IncomingPolicy::{Continue, ContinueAndWarn};
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::subscriber::with_default;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context as Within, Layer, SubscriberExt};
use tracing_subscriber::registry;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").expect("in memory");
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Within<'_, S>) -> bool {
        metadata.is_event() && metadata.target() == "otel_messaging"
    }

    fn on_event(&self, event: &Event<'_>, _: Within<'_, S>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
}

/// The lines that name this destination.
pub(crate) fn lines(destination: &str, work: impl FnOnce()) -> usize {
    let lines = Lines::default();
    with_default(registry().with(lines.clone()), work);
    let lines = lines.0.lock().unwrap();
    let names = |line: &&String| line.contains("TraceContinued") && line.contains(destination);
    lines.iter().filter(names).count()
}

#[test]
fn each_destination_is_named_once_if_the_trace_changes() {
    let program = Program::new();
    let (by, silent) = (
        program.incoming(ContinueAndWarn),
        program.incoming(Continue),
    );
    let came = [("traceparent", SAMPLED)];
    let first = to(["warned.first", "", ""], came);
    assert_eq!(lines("warned.first", || drop(silent.process(&first))), 0);
    let thrice = || (0..3).for_each(|_| drop(by.process(&first)));
    assert_eq!(lines("warned.first", thrice), 1);
    let second = to(["warned.second", "key", ""], came);
    assert_eq!(lines("warned.second:key", || drop(by.process(&second))), 1);

    // In the trace of the sender already.
    let third = to(["warned.third", "", ""], came);
    let within = Context::new().with_remote_span_context(crate::program::sender());
    assert_eq!(
        lines("warned.third", || {
            let _attached = within.attach();
            drop(by.process(&third));
        }),
        0
    );
    // Nothing came, or nothing that can be read.
    for fields in [&[][..], &[("traceparent", "00-bad")]] {
        let nothing = to(["warned.third", "", ""], fields.iter().copied());
        assert_eq!(lines("warned.third", || drop(by.process(&nothing))), 0);
    }
    assert_eq!(lines("warned.third", || drop(by.process(&third))), 1);
}
