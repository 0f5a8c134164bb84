//! A producer with a mistake, what it puts on the wire, and what the doctor says of that.

use crate::wire::{Broker, Message, delivered, read, rewrites, shaped};
use integration_tests::producers::Producer;

/// So many messages of each producer, so that what differs between them is seen.
pub(crate) const COUNT: usize = 3;

/// What a producer does wrong, and what comes of it.
pub(crate) struct Case {
    pub(crate) producer: Producer,
    pub(crate) broker: Broker,
    pub(crate) mistake: &'static str,
    pub(crate) headers: Headers,
    /// The doctor's findings, the most severe first.
    pub(crate) findings: &'static [&'static str],
}

/// The headers that are on the wire because of OpenTelemetry, each as `name: value`.
///
/// Identifiers have names: `TRACE2` is the trace of the second message's request, `OTHER1` the first
/// trace that is no request's, and `SPAN3` the third span that the messages name.
pub(crate) enum Headers {
    /// Nothing on any message.
    Nothing,
    /// The same on each message; `#` is the message's number.
    Each(&'static [&'static str]),
    /// Message by message.
    Differ([&'static [&'static str]; COUNT]),
}

impl Headers {
    fn of(&self, number: usize) -> Vec<String> {
        let lines = match self {
            Self::Nothing => &[][..],
            Self::Each(lines) => lines,
            Self::Differ(messages) => messages[number - 1],
        };
        let number = number.to_string();
        lines
            .iter()
            .map(|line| line.replace('#', &number))
            .collect()
    }
}

impl Case {
    /// Runs the producer, and holds what the broker delivers against what is expected.
    async fn check(&self) -> Result<(), String> {
        let Self {
            producer, mistake, ..
        } = *self;
        let count = self.count();
        let (traces, messages, found) = read(producer, self.broker, mistake, count).await;
        let is_traced = |trace: &String| trace.bytes().any(|byte| byte != b'0');
        let has_traces = mistake != "not-instrumented";
        let are_right =
            traces.len() == count && traces.iter().all(|it| is_traced(it) == has_traces);
        let mut expected = Vec::new();
        for number in 1..=count {
            expected.push(Message {
                payload: format!("order {}", number - 1),
                headers: delivered(self.broker, self.headers.of(number)).await,
            });
        }
        let shaped = shaped(&traces, &messages);
        let findings = self.findings().await;
        if are_right && shaped == expected && found == findings {
            return Ok(());
        }
        Err(format!(
            "{producer:?} over {:?}, {mistake}:\n  expected {expected:?}\n  found    {shaped:?}\n  \
             from {messages:?}\n  in the requests {traces:?}\n  the doctor says {found:?}, not {findings:?}",
            self.broker
        ))
    }
}

impl Case {
    /// One context on all messages is a finding only if they are many.
    fn count(&self) -> usize {
        match self.mistake {
            "frozen-context" => 12,
            _ => COUNT,
        }
    }

    async fn findings(&self) -> Vec<&'static str> {
        let mut findings = self.findings.to_vec();
        if rewrites(self.broker).await {
            findings.retain(|finding| *finding != "odd-spelling");
        }
        findings
    }
}

/// Checks one after the other, and names all that are wrong.
pub(crate) async fn check_all(cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        wrong.extend(case.check().await.err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
