//! The metrics of one messaging operation.

use crate::loss::witness::Seen;
use crate::message::info::MessageInfo;
use crate::policy::baggage_attributes::{BaggageAttributes, EqualBaggage};
use crate::telemetry::action::Operation;
use crate::telemetry::instruments::Instruments;
use crate::telemetry::labels::{Labels, OnMetric};
use crate::telemetry::span_builder::Known;
use opentelemetry::Context;
use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A message that seems to be older has a time that nobody set. (Kafka and AMQP can say 1970.)
const OLDEST: Duration = Duration::from_secs(366 * 86_400);

/// The metrics of an operation, from its start to its end.
#[derive(Debug)]
pub(crate) struct Measurement {
    /// `None` if it is a spare one.
    instruments: Option<Arc<Instruments>>,
    operation: Operation,
    labels: Labels,
    began: Instant,
    /// If there is a span, or if it is known when the message was sent.
    began_at: Option<SystemTime>,
    messages: u64,
    waited: Option<Duration>,
}

thread_local! {
    /// The memory of a measurement that has ended, for the next one on this thread.
    static SPARE: Cell<Option<Box<Measurement>>> = const { Cell::new(None) };
}

impl Measurement {
    /// Starts the metrics of an operation that has begun at this time, by both clocks.
    pub(crate) fn start(
        instruments: Arc<Instruments>,
        (began, began_at): (Instant, Option<SystemTime>),
        destination: OnMetric,
        known: &Known<'_>,
    ) -> Box<Self> {
        // While the thread ends there is none.
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        let mut started = spare.unwrap_or_else(|| Box::new(Self::spare(began)));
        started.instruments = Some(instruments);
        started.operation = known.action.operation;
        started.labels.fill(destination, known);
        (started.began, started.began_at) = (began, began_at);
        (started.messages, started.waited) = (1, None);
        started
    }

    #[cold]
    fn spare(began: Instant) -> Self {
        Self {
            instruments: None,
            operation: Operation::Process,
            labels: Labels::default(),
            began,
            began_at: None,
            messages: 1,
            waited: None,
        }
    }

    /// Sets how many messages the operation is about, if not one.
    pub(crate) fn set_messages(&mut self, messages: u64) {
        self.messages = messages;
    }

    /// Sets the attributes anew, when more is known than at the start.
    pub(crate) fn set_labels(&mut self, destination: OnMetric, known: &Known<'_>) {
        self.labels.fill(destination, known);
    }

    /// Adds what the application wants of the baggage of a context. [`set_labels`](Self::set_labels) removes
    /// it.
    #[inline]
    pub(crate) fn set_baggage(&mut self, copied: Option<&BaggageAttributes>, context: &Context) {
        if let Some(copied) = copied {
            copied.each_on_metrics(context, |attribute| self.labels.add_baggage(attribute));
        }
    }

    /// Adds what is equal in the baggage of several messages.
    pub(crate) fn set_equal_baggage(&mut self, equal: EqualBaggage) {
        for attribute in equal.into_list() {
            self.labels.add_baggage(attribute);
        }
    }

    /// The wall clock at the start. The span has the same.
    pub(crate) fn began_at(&self) -> Option<SystemTime> {
        self.began_at
    }

    /// How long it has taken so far.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Records what is known when a message is there to be handled: what became of its context, that it was
    /// delivered, unless that was counted before, and how long it was under way.
    pub(crate) fn arrived(&mut self, outcome: &'static str, seen: Seen, is_counted: bool) {
        let Self {
            instruments: Some(instruments),
            labels,
            waited,
            ..
        } = self
        else {
            return;
        };
        instruments.record(|it| {
            count_outcome(it, labels, outcome);
            if seen.has(Seen::CUT) {
                count_outcome(it, labels, "cut");
            }
            if !is_counted {
                it.consumed.add(1, labels.common());
            }
            if let Some(waited) = waited {
                it.queue_time.record(waited.as_secs_f64(), labels.common());
            }
        });
    }

    /// How long the message was under way before it was handled.
    pub(crate) fn set_waited(&mut self, waited: Option<Duration>) {
        self.waited = waited;
    }

    /// Counts what became of the context of a message that goes out, unless it was written as a whole.
    pub(crate) fn count_written(&mut self, seen: Seen) {
        for (what, outcome) in [
            (Seen::DROPPED, "dropped"),
            (Seen::CUT, "cut"),
            (Seen::PANICKED, "panicked"),
        ] {
            if seen.has(what) {
                if let Some(instruments) = &self.instruments {
                    let labels = &mut self.labels;
                    instruments.record(|it| count_outcome(it, labels, outcome));
                }
                return;
            }
        }
    }

    pub(crate) fn set_partition(&mut self, partition: u32) {
        self.labels.set_partition(partition);
    }

    /// Records no more.
    pub(crate) fn discard(mut self: Box<Self>) {
        self.instruments = None;
        self.labels.clear();
        let _ = SPARE.try_with(|spare| spare.set(Some(self)));
    }

    /// Records how long the operation took, and what it was about.
    pub(crate) fn end(mut self: Box<Self>, took: Duration, error_type: Option<&Cow<'static, str>>) {
        let Some(instruments) = self.instruments.take() else {
            return;
        };
        let (seconds, messages) = (took.as_secs_f64(), self.messages);
        let labels = &mut self.labels;
        instruments.record(|it| match self.operation {
            Operation::Process => {
                labels.set_error(error_type);
                it.process_duration.record(seconds, labels.common());
            }
            operation => {
                // Those that came with a poll did not fail, whatever the poll gave beside them.
                if operation == Operation::Receive && messages > 0 {
                    it.consumed.add(messages, labels.common());
                }
                labels.set_error(error_type);
                // The messages of a batch are counted one by one.
                if !matches!(operation, Operation::Receive | Operation::Settle) && messages > 0 {
                    it.sent.add(messages, labels.common());
                }
                if operation == Operation::Create {
                    return;
                }
                let labels = labels.of_duration(operation);
                it.operation_duration.record(seconds, labels);
            }
        });
        self.discard();
    }
}

fn count_outcome(by: &Instruments, labels: &mut Labels, outcome: &'static str) {
    labels.with_outcome(outcome, |labels| by.propagation.add(1, labels));
}

/// How long a message was under way before it was handled. `None` if the clocks of sender and receiver
/// differ so much that it seems to come from the future, or to be a year old.
pub(crate) fn queue_time(info: &MessageInfo<'_>, now: SystemTime) -> Option<Duration> {
    let time = now.duration_since(info.sent_at()?).ok()?;
    (time < OLDEST).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::destination::Destination;

    #[test]
    fn clocks_that_differ_give_no_queue_time() {
        let now = SystemTime::now();
        let hour = Duration::from_secs(3600);
        let time = |sent_at| {
            let info = MessageInfo::new(Destination::named("orders")).with_sent_at(sent_at);
            queue_time(&info, now)
        };
        assert_eq!(time(Some(now - hour)), Some(hour));
        assert_eq!(time(Some(now)), Some(Duration::ZERO));
        assert_eq!(time(Some(now + Duration::from_millis(1))), None);
        assert_eq!(time(Some(SystemTime::UNIX_EPOCH)), None);
        assert_eq!(time(None), None);
    }
}
