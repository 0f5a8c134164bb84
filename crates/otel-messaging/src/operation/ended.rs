//! The end of a message's span, and of its metrics.

use crate::loss::boundary::count;
use crate::loss::catch::Behind;
use crate::loss::row::Step;
use crate::operation::span::{MessageSpan, State};
use crate::operation::traced_span;
use opentelemetry::trace::TraceContextExt;
use std::time::SystemTime;

impl MessageSpan {
    /// Ends the span, also if there are other handles of it, and records the metrics. Later calls do
    /// nothing.
    #[inline(always)]
    pub(crate) fn end(&mut self) {
        // In front of a call, because each span is dropped after its end, and many are none.
        if self.state == State::Open || self.measurement.is_some() || self.seldom.get().is_some() {
            self.end_now();
        }
    }

    #[inline(never)]
    fn end_now(&mut self) {
        if self.seldom.get().is_some() {
            self.end_seldom();
        }
        if self.measurement.is_some() {
            self.end_measured();
        } else if self.state == State::Open {
            self.end_span(None);
        }
    }

    /// Ends the span alone. The metrics go on.
    pub(crate) fn end_unmeasured(&mut self) {
        if self.state == State::Open {
            self.end_span(None);
            traced_span::close(self.current.take_span());
        }
    }

    #[inline(never)]
    fn end_seldom(&mut self) {
        let left_open = self.seldom.get_mut().and_then(|it| it.left_open.take());
        if let Some(left_open) = left_open {
            left_open.leave(self.context());
        }
        if self.state != State::InBatch {
            self.mark_batch();
        }
    }

    #[inline(never)]
    fn end_measured(&mut self) {
        let Some(measurement) = self.measurement.take() else {
            return;
        };
        let took = measurement.elapsed();
        if self.state == State::Open {
            // The metric and the span are to say the same.
            let began = measurement.began_at();
            self.end_span(began.and_then(|began| began.checked_add(took)));
        }
        measurement.end(took, self.error_type());
    }

    #[inline]
    fn end_span(&mut self, at: Option<SystemTime>) {
        self.state = State::Ended;
        self.is_recording = false;
        let span = self.context().span();
        let end = || match at {
            Some(at) => span.end_with_timestamp(at),
            None => span.end(),
        };
        if span.span_context().is_sampled() {
            self.boundary().call(Step::END, end);
        } else {
            // No processor is told of it, so it ends no row.
            count(Behind::Spans, end);
        }
    }
}

impl Drop for MessageSpan {
    #[inline]
    fn drop(&mut self) {
        self.end();
        // Work without a span of its own may hold a handle of another one.
        if self.has_span() {
            traced_span::close(self.current.take_span());
        }
    }
}
