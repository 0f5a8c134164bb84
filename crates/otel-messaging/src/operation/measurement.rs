//! The metrics of one messaging operation.

use crate::loss::witness::Seen;
use crate::message::info::MessageInfo;
use crate::telemetry::action::{Action, Operation};
use crate::telemetry::instruments::Instruments;
use crate::telemetry::labels::Labels;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A message that seems to be older has a time that nobody set. (Kafka and AMQP can say 1970.)
const OLDEST: Duration = Duration::from_secs(366 * 86_400);

/// The metrics of an operation, from its start to its end.
#[derive(Debug)]
pub(crate) struct Measurement {
    instruments: Arc<Instruments>,
    action: Action,
    labels: Labels,
    began: Instant,
    began_at: SystemTime,
    messages: u64,
}

impl Measurement {
    pub(crate) fn start(instruments: Arc<Instruments>, action: Action, labels: Labels) -> Self {
        let began = (Instant::now(), SystemTime::now());
        Self::since(began, instruments, action, labels, 1)
    }

    /// An operation that has begun before, and is about so many messages.
    pub(crate) fn since(
        (began, began_at): (Instant, SystemTime),
        instruments: Arc<Instruments>,
        action: Action,
        labels: Labels,
        messages: u64,
    ) -> Self {
        Self {
            instruments,
            action,
            labels,
            began,
            began_at,
            messages,
        }
    }

    /// The wall clock at the start. The span has the same.
    pub(crate) fn began_at(&self) -> SystemTime {
        self.began_at
    }

    /// How long it has taken so far.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Counts messages that were pulled or dispatched.
    pub(crate) fn count_consumed(&self, messages: u64) {
        let labels = self.labels.common();
        self.instruments
            .record(|it| it.consumed.add(messages, labels));
    }

    pub(crate) fn record_queue_time(&self, time: Duration) {
        let labels = self.labels.common();
        self.instruments
            .record(|it| it.queue_time.record(time.as_secs_f64(), labels));
    }

    /// Counts what became of the context of a message that came in, and whether a part of it was ignored.
    pub(crate) fn count_read(&self, outcome: &'static str, seen: Seen) {
        self.count_outcome(outcome);
        if seen.has(Seen::CUT) {
            self.count_outcome("cut");
        }
    }

    fn count_outcome(&self, outcome: &'static str) {
        self.instruments
            .count_outcome(self.labels.common(), outcome);
    }

    /// Counts what became of the context of a message that goes out, unless it was written as a whole.
    pub(crate) fn count_written(&self, seen: Seen) {
        for (what, outcome) in [
            (Seen::DROPPED, "dropped"),
            (Seen::CUT, "cut"),
            (Seen::PANICKED, "panicked"),
        ] {
            if seen.has(what) {
                return self.count_outcome(outcome);
            }
        }
    }

    pub(crate) fn set_partition(&mut self, partition: u32) {
        self.labels.set_partition(partition);
    }

    /// Records how long the operation took, and what it was about.
    pub(crate) fn end(mut self, took: Duration, error_type: Option<&Cow<'static, str>>) {
        let Self {
            action, messages, ..
        } = self;
        let seconds = took.as_secs_f64();
        // Those that came with a poll did not fail, whatever the poll gave beside them.
        if action.operation == Operation::Receive && messages > 0 {
            self.count_consumed(messages);
        }
        self.labels.set_error(error_type);
        let Self {
            instruments,
            labels,
            ..
        } = self;
        if action.operation == Operation::Process {
            instruments.record(|it| it.process_duration.record(seconds, labels.common()));
            return;
        }
        if action.operation != Operation::Receive {
            instruments.record(|it| it.sent.add(messages, labels.common()));
        }
        let labels = labels.into_of_duration(action.operation);
        instruments.record(|it| it.operation_duration.record(seconds, &labels));
    }
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
