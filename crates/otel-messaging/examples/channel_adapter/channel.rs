//! The client: a channel within the process, whose messages have properties. An adapter would find this
//! in a crate of its own.

use tokio::sync::mpsc;

/// A message with a body and properties, which may repeat.
#[derive(Debug, Clone, Default)]
pub struct Message {
    pub channel: String,
    pub properties: Properties,
    pub body: Vec<u8>,
}

/// Names and values, in their order. Names are case-sensitive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties(pub Vec<(String, String)>);

/// The end of a channel that sends.
#[derive(Debug, Clone)]
pub struct Sender(mpsc::Sender<Message>);

/// The channel is full, or nobody receives any more.
pub type SendError = mpsc::error::TrySendError<Message>;

pub fn channel(capacity: usize) -> (Sender, mpsc::Receiver<Message>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Sender(sender), receiver)
}

impl Sender {
    pub fn send(&self, message: Message) -> Result<(), SendError> {
        self.0.try_send(message)
    }
}
