//! A message that is sent on where only so many bytes are left for its headers.

use crate::carrier::{Client, FIELDS, rest, without, written};
use opentelemetry::Context;
use otel_messaging::Instrumentation;
use otel_messaging::adapter::{self, CarrierMut, Describe, Destination, MessageInfo};

/// Any message: its headers are beside it.
struct Message;

enum Queue {}

impl adapter::Client for Queue {
    const SYSTEM: &'static str = "queue";
    const NAME: &'static str = env!("CARGO_PKG_NAME");
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
}

impl Describe<Queue> for Message {
    type Client = Queue;

    fn destination(&self) -> Destination<'_> {
        Destination::named("orders")
    }

    fn message_info(&self) -> MessageInfo<'_> {
        MessageInfo::new(self.destination())
    }
}

/// Headers that fit into a room still do when the context is in them.
pub fn check_room<C: Client>(input: &[u8], headers: &C::Headers, context: &Context) {
    let left = headers.left_of(usize::MAX).expect("a room for everything");
    let taken = usize::MAX - left;
    if taken > 0 && !C::entries(headers).is_empty() {
        assert_eq!(headers.left_of(taken), Some(0));
        assert_eq!(headers.left_of(taken - 1), None);
    }
    let entries = without::<C>(&C::entries(headers), &FIELDS);
    let more = input.iter().map(|byte| usize::from(*byte)).sum::<usize>() % 1024;
    let outgoing = {
        let _current = context.clone().attach();
        Instrumentation::default().outgoing("publish", &Message)
    };
    for room in [0, taken / 2, taken, taken + more, usize::MAX] {
        let mut sent = headers.clone();
        outgoing.inject(&mut sent, Some(room));
        let is_kept = headers.left_of(room).is_none() || sent.left_of(room).is_some();
        assert!(is_kept, "{room}");
        assert_eq!(rest::<C>(&sent, &FIELDS), entries, "{room}");
        if sent.left_of(room).is_some() {
            written::<C>(&sent);
        }
    }
}
