//! Messages that are sent on, and what becomes of their headers.

mod messages;
mod table;

use async_nats::jetstream::publish::PublishAck;
use async_nats::{Message, jetstream};
use integration_tests::client::{HeaderList, in_time};
use integration_tests::nats::message_from;
use integration_tests::relay_table::Way;
use otel_messaging_async_nats::InjectingProducer;

/// A message that came from another subject with these headers.
fn message(headers: &[(&str, &str)]) -> Message {
    message_from("elsewhere", headers)
}

/// Sends the message on to the client's stream, by JetStream.
async fn send_on(
    producer: &InjectingProducer<jetstream::Context>,
    way: Way,
    message: &Message,
    subject: &str,
) -> Result<PublishAck, jetstream::context::PublishError> {
    let subject = subject.to_owned();
    let pending = match way {
        Way::Forward => producer.forward(message, subject).await,
        Way::Republish => producer.republish(message, subject).await,
        Way::DeadLetter => producer.dead_letter(message, &"no", subject).await,
    };
    in_time("an acknowledgement", pending?.into_future()).await
}

/// Those that the test's own header may have become.
fn related(headers: HeaderList, name: &str) -> HeaderList {
    let mut headers = headers;
    headers.retain(|(key, _)| key.to_lowercase().ends_with(&name.to_lowercase()));
    headers
}
