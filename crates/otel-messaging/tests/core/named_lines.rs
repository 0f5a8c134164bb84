//! A layer of `tracing` that counts the lines of the log with one name.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

#[derive(Clone)]
pub(crate) struct NamedLines {
    name: &'static str,
    count: Arc<AtomicUsize>,
}

impl NamedLines {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            count: Arc::default(),
        }
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl<S: Subscriber> Layer<S> for NamedLines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && metadata.name() == self.name
    }

    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}
