//! The span of a batch, and its messages: their failures mark the span at its end.

use crate::context::current::Current;
use crate::operation::failures::Failures;
use crate::operation::span::{MessageSpan, State};
use crate::telemetry::semconv;
use std::sync::Arc;

impl MessageSpan {
    /// Makes it the span of a batch. Returns what the messages of the batch share with it.
    pub(crate) fn share_failures(&mut self) -> Arc<Failures> {
        let failures = Arc::new(Failures::new(self.is_recording));
        self.set_failures(failures.clone());
        failures
    }

    /// A message of a batch.
    pub(crate) fn in_batch(current: Current, failures: Arc<Failures>) -> Self {
        let mut message = Self::new(current, State::InBatch);
        message.set_failures(failures);
        message
    }

    /// Marks the span of a batch with the first failure.
    #[inline(never)]
    pub(super) fn mark_batch(&mut self) {
        let Some(failures) = self.take_failures() else {
            return;
        };
        if let Some(first) = failures.first() {
            self.mark(first.error_type.clone(), &first.description);
        }
        let messages = failures.messages();
        if messages > 0 {
            let key = semconv::OTEL_MESSAGING_BATCH_FAILED_MESSAGES;
            self.set_attributes(|attributes| attributes.set_count(key, messages));
        }
    }
}
