//! The messages that can be sent on.

use crate::parsing;
use rdkafka::Message;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, OwnedHeaders, OwnedMessage};

/// A received message: a [`BorrowedMessage`] or an [`OwnedMessage`]. Sealed: there are no others.
pub trait ReceivedRecord: Carried {}

impl ReceivedRecord for BorrowedMessage<'_> {}
impl ReceivedRecord for OwnedMessage {}

pub trait Carried: Message {
    /// The headers, to be copied by librdkafka: rdkafka's own reading of a name panics where it is
    /// not UTF-8.
    fn carried(&self) -> Option<&BorrowedHeaders>;
}

impl Carried for BorrowedMessage<'_> {
    fn carried(&self) -> Option<&BorrowedHeaders> {
        parsing::headers(self)
    }
}

impl Carried for OwnedMessage {
    fn carried(&self) -> Option<&BorrowedHeaders> {
        self.headers().map(OwnedHeaders::as_borrowed)
    }
}

#[cfg(test)]
mod tests {
    use crate::native;
    use crate::{DEAD_LETTER_SOURCE, DEAD_LETTER_TRACEPARENT, Kafka};
    use otel_messaging::{Carrier, DeadLetter, Description, Sending};
    use rdkafka::message::OwnedHeaders;

    /// What reads as absent hides neither where a message comes from nor its trace.
    #[test]
    fn a_source_that_is_no_text_is_replaced() {
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        for said in [None, Some(&b"\xff"[..])] {
            let mut headers = OwnedHeaders::new();
            for header in [
                (&b"traceparent"[..], Some(traceparent.as_bytes())),
                (b"Dead-Letter-Source", said),
            ] {
                assert!(native::add(&mut headers, header));
            }
            let letter = DeadLetter::new("orders", &"no such article");
            let description = Description::sent("kafka", "send");
            let room = |_: &OwnedHeaders| Some(9999);
            drop(Sending::dead_letter::<Kafka, _>(
                None,
                description,
                &mut headers,
                &letter,
                room,
            ));
            let all: Vec<_> = headers.get_all(DEAD_LETTER_SOURCE).collect();
            assert_eq!(all, ["orders"]);
            let origin = Carrier::get(&headers, DEAD_LETTER_TRACEPARENT);
            assert_eq!(origin, Some(traceparent));
        }
    }
}
