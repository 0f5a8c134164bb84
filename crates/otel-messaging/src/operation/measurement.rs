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
    waited: Option<Duration>,
}

impl Measurement {
    pub(crate) fn start(
        (instruments, now): (Arc<Instruments>, Instant),
        action: Action,
        labels: Labels,
    ) -> Self {
        Self::since((now, SystemTime::now()), instruments, action, labels, 1)
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
            waited: None,
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

    /// Records what is known when a message is there to be handled: what became of its context, that it was
    /// delivered, unless that was counted before, and how long it was under way.
    pub(crate) fn arrived(&mut self, outcome: &'static str, seen: Seen, is_counted: bool) {
        let Self {
            instruments,
            labels,
            waited,
            ..
        } = self;
        instruments.record(|it| {
            labels.with_outcome(outcome, |labels| it.propagation.add(1, labels));
            if seen.has(Seen::CUT) {
                labels.with_outcome("cut", |labels| it.propagation.add(1, labels));
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
                let Self {
                    instruments,
                    labels,
                    ..
                } = self;
                instruments.record(|it| {
                    labels.with_outcome(outcome, |labels| it.propagation.add(1, labels));
                });
                return;
            }
        }
    }

    pub(crate) fn set_partition(&mut self, partition: u32) {
        self.labels.set_partition(partition);
    }

    /// Records how long the operation took, and what it was about.
    pub(crate) fn end(&mut self, took: Duration, error_type: Option<&Cow<'static, str>>) {
        let Self {
            instruments,
            action,
            labels,
            messages,
            ..
        } = self;
        let (seconds, messages) = (took.as_secs_f64(), *messages);
        instruments.record(|it| match action.operation {
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
                if operation != Operation::Receive {
                    it.sent.add(messages, labels.common());
                }
                let labels = labels.of_duration(operation);
                it.operation_duration.record(seconds, labels);
            }
        });
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
