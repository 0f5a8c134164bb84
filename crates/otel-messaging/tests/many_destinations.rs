//! More destinations than the names of spans that are kept. A test in a process of its own, because they are kept for
//! the whole process.

#[expect(dead_code, reason = "another test needs the rest")]
#[path = "core/message.rs"]
mod message;

use message::{TestClient, spans};
use opentelemetry::Value;
use otel_messaging::Received;
use otel_messaging::adapter::{Describe, Destination, TextMap, semconv};
use std::collections::BTreeMap;
use std::ops::Range;
use std::thread;

/// More than are kept, which are 1,024.
const MANY: usize = 1_100;

/// A thread knows so many names. Each queue has two of them.
const OF_THREAD: usize = 48;

/// A message of one of many queues.
struct Message(String);

impl Message {
    /// The names of all queues have one length, and begin or end alike. So they are hard to tell apart.
    fn of_queue(number: usize) -> Self {
        Self(match number % 2 {
            0 => format!("{number:04}.orders"),
            _ => format!("orders.{number:04}"),
        })
    }
}

impl Describe<TextMap> for Message {
    type Client = TestClient;

    fn destination(&self) -> Destination<'_> {
        Destination::named(&self.0)
    }
}

impl Received<TextMap> for Message {
    type Headers = BTreeMap<String, String>;

    fn message_headers(&self) -> Option<&Self::Headers> {
        None
    }
}

/// Handles a message of each of the queues, and publishes one to it.
fn assert_named(queues: Range<usize>) {
    let spans = spans();
    let by = &spans.instrumentation;
    let messages: Vec<_> = queues.map(Message::of_queue).collect();
    for message in &messages {
        drop(by.process(message));
        drop(by.outgoing("publish", message));
    }
    let mut ended = spans.ended().into_iter();
    for Message(queue) in &messages {
        for word in ["process", "publish"] {
            let span = ended.next().expect("a span for each");
            assert_eq!(span.name, format!("{word} {queue}"));
            let key = semconv::MESSAGING_DESTINATION_NAME;
            let mut attributes = span.attributes.iter();
            let name = attributes.find(|attribute| attribute.key.as_str() == key);
            let expected = Value::from(queue.clone());
            assert_eq!(name.map(|name| &name.value), Some(&expected));
        }
    }
    assert_eq!(ended.next(), None);
}

fn on_another_thread(queues: Range<usize>) {
    let thread = thread::spawn(|| assert_named(queues));
    thread.join().expect("they are named right");
}

#[test]
fn each_span_is_named_for_its_own_destination() {
    // This thread has the names of the first ones kept, and makes the others each time.
    assert_named(0..MANY);
    assert_named(0..MANY);
    on_another_thread(0..MANY);
    // Each of these threads has other names kept, until there is no room for more.
    for first in (0..MANY).step_by(OF_THREAD / 2) {
        on_another_thread(first..first + OF_THREAD / 2);
    }
    on_another_thread(0..MANY);
    on_another_thread(MANY..2 * MANY);
    assert_named(0..MANY);
}
