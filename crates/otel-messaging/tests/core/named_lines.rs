//! A subscriber of `tracing` that counts the lines of the log with one name.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::span;

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

impl tracing::Subscriber for NamedLines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event() && metadata.name() == self.name
    }

    fn event(&self, _: &tracing::Event<'_>) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
