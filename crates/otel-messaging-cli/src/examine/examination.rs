//! All messages of a look, counted by destination and producer.

use crate::examine::named::Named;
use crate::examine::producer::{write_name, write_segments};
use crate::examine::reading::read;
use crate::examine::tally::Tally;
use crate::finding::findings;
use crate::message::{Message, System};
use crate::report::{Destination, Finding, Share};
use crate::spans::Sent;
use std::collections::VecDeque;

/// So many of the newest messages are joined with spans.
const MOST_SENT: usize = 10_000;

/// What is counted of all messages of a look. What it keeps does not grow with their number.
#[derive(Debug)]
pub(crate) struct Examination {
    system: System,
    shows_values: bool,
    messages: u64,
    destinations: Named<Named<Tally>>,
    /// Of the newest messages, if they are to be joined with spans.
    sent: Option<VecDeque<Sent>>,
    /// A name while it is made: one allocation for all messages.
    name: String,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Examined {
    pub(crate) healthy: Share,
    pub(crate) disputed: u64,
    pub(crate) destinations: Vec<Destination>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) sent: Vec<Sent>,
}

impl Examination {
    pub(crate) fn new(system: System, shows_values: bool, joins_spans: bool) -> Self {
        Self {
            system,
            shows_values,
            messages: 0,
            destinations: Named::default(),
            sent: joins_spans.then(VecDeque::new),
            name: String::new(),
        }
    }

    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// Takes one message into account.
    pub(crate) fn see(&mut self, message: &Message<'_>) {
        self.messages += 1;
        let reading = read(message, self.system);
        // A subject has a number or an id where a topic or an exchange has none.
        self.name.clear();
        match self.system {
            System::Nats => write_segments(message.destination, &mut self.name),
            System::Kafka | System::RabbitMq => self.name.push_str(message.destination),
        }
        let destination = self.destinations.of(&self.name);
        if let Some(sent) = &mut self.sent {
            if sent.len() >= MOST_SENT {
                sent.pop_front();
            }
            sent.push_back(Sent {
                destination: message.destination.to_owned(),
                name: (self.name != message.destination).then(|| self.name.clone()),
                producer: String::new(),
                place: message.place,
                id: message.id.map(str::to_owned),
                context: reading
                    .sender
                    .map(|sender| (sender.trace_id, sender.span_id, sender.is_sampled())),
            });
        }
        write_name(message, &mut self.name);
        if let Some(sent) = self.sent.as_mut().and_then(VecDeque::back_mut) {
            sent.producer.push_str(&self.name);
        }
        destination
            .of(&self.name)
            .add(message, reading, self.shows_values);
    }

    /// What came of it: those with the most messages first, and the most severe findings first.
    pub(crate) fn finish(self) -> Examined {
        let mut healthy = Share { of: 0, valid: 0 };
        let mut disputed = 0;
        let mut findings_of_all = Vec::new();
        let mut destinations = Vec::new();
        for (destination, tallies) in self.destinations.into_parts() {
            let mut producers = Vec::new();
            for (name, tally) in tallies.into_parts() {
                findings_of_all.extend(findings(self.system, &destination, &name, &tally));
                disputed += tally.disputed;
                let producer = tally.into_producer(name);
                healthy.of += producer.messages;
                healthy.valid += producer
                    .health
                    .get(&crate::report::Health::Valid)
                    .unwrap_or(&0);
                producers.push(producer);
            }
            producers.sort_by(|a, b| {
                b.messages
                    .cmp(&a.messages)
                    .then_with(|| a.name.cmp(&b.name))
            });
            destinations.push(Destination {
                name: destination,
                producers,
            });
        }
        let messages_of = |destination: &Destination| -> u64 {
            let producers = destination.producers.iter();
            producers.map(|producer| producer.messages).sum()
        };
        destinations.sort_by(|a, b| {
            messages_of(b)
                .cmp(&messages_of(a))
                .then_with(|| a.name.cmp(&b.name))
        });
        Examined {
            healthy,
            disputed,
            destinations,
            findings: sorted(findings_of_all),
            sent: self.sent.unwrap_or_default().into(),
        }
    }
}

/// The most severe first, and of one severity those of most messages.
pub(crate) fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| {
        a.severity
            .cmp(&b.severity)
            .then(b.messages.cmp(&a.messages))
            .then_with(|| a.destination.cmp(&b.destination))
            .then_with(|| a.producer.cmp(&b.producer))
            .then(a.code.cmp(b.code))
    });
    findings
}
