//! How large a message a stream accepts: learnt from what it refuses.

use crate::relay;
use crate::wire_size::envelope;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use otel_messaging::adapter::{CarrierError, Outgoing, RefusedSizes, Relay, count_dropped_fields};
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;

/// A message with this header is a part of a batch, which the server stores as a whole or not at all.
const BATCH: &str = "Nats-Batch-Id";

/// What the clones of a wrapper have in common.
#[derive(Debug)]
pub struct Limits {
    /// It sends a message once more.
    context: Context,
    refused: RefusedSizes,
}

impl Limits {
    pub(crate) fn of(context: &Context) -> Arc<Self> {
        Arc::new(Self {
            context: context.clone(),
            refused: RefusedSizes::new(),
        })
    }
}

/// The headers of a message without a context, and without what this crate adds when it sends a message
/// on.
#[derive(Debug)]
pub(crate) struct Bare {
    headers: HeaderMap,
    /// How many of this crate's headers, besides the context, are not among them.
    left_out: u64,
}

impl Bare {
    /// Those that the caller gave.
    pub(crate) fn given(headers: Option<&HeaderMap>) -> Self {
        Self {
            headers: headers.cloned().unwrap_or_default(),
            left_out: 0,
        }
    }

    /// Those of a message that is sent on, without the ones that get another name.
    pub(crate) fn relayed(relay: Relay<'_>, came: Option<&HeaderMap>) -> Self {
        let (headers, renamed) = relay::without_renamed(relay, came);
        let letter = u64::from(matches!(relay, Relay::DeadLetter(_)));
        Self {
            headers,
            left_out: renamed + letter,
        }
    }

    /// Removes an older context, and counts what is left out.
    fn into_headers(mut self, outgoing: &Outgoing) -> HeaderMap {
        outgoing.leave_out(&mut self.headers);
        // A context that is kept may have gone in a second spelling.
        let least = u64::from(outgoing.keeps_context());
        let left_out = self.left_out.max(least);
        if left_out > 0 {
            count_dropped_fields(left_out, CarrierError::TooLarge);
        }
        self.headers
    }
}

/// A message that a stream has not answered yet.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) outgoing: Outgoing,
    limits: Arc<Limits>,
    subject: Subject,
    /// How large it is, in bytes: payload and headers, as a stream counts them.
    size: usize,
    /// What to send if the stream refuses it for its size.
    bare: Option<(Bare, Bytes)>,
}

/// The stream's answer, as async-nats boxes it.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<PublishAck, PublishError>> + Send>>;

impl Unanswered {
    /// Prepares a message with these headers, and gives what goes to the stream: the bare message, if the
    /// stream has refused one of this size before.
    pub(crate) fn new(
        outgoing: Outgoing,
        limits: &Arc<Limits>,
        subject: Subject,
        (headers, payload): (HeaderMap, Bytes),
        bare: Bare,
    ) -> (Self, PublishMessage) {
        let size = size(&headers, &payload);
        let is_smaller = !headers.is_empty() && self::size(&bare.headers, &payload) < size;
        let mut unanswered = Self {
            outgoing,
            limits: limits.clone(),
            subject,
            size,
            bare: is_smaller.then(|| (bare, payload.clone())),
        };
        let first = if limits.refused.refuses(&unanswered.subject, size) {
            unanswered.take_bare()
        } else {
            None
        };
        (
            unanswered,
            first.unwrap_or_else(|| message(headers, payload)),
        )
    }

    pub(crate) fn subject(&self) -> Subject {
        self.subject.clone()
    }

    /// Learns from the answer. If the stream refuses the message for its size, this sends the bare one.
    pub(crate) fn send_again(
        &mut self,
        answer: &Result<PublishAck, PublishError>,
    ) -> Option<Answer> {
        let refused = &self.limits.refused;
        match answer {
            Ok(_) => {
                refused.note_success(&self.subject, self.size);
                return None;
            }
            Err(error) if is_too_large(error) => refused.note_refusal(&self.subject, self.size),
            Err(_) => return None,
        }
        // The server has dropped the whole batch.
        self.bare
            .take_if(|(bare, _)| bare.headers.get(BATCH).is_some());
        let publish = self.take_bare()?;
        let (limits, subject) = (self.limits.clone(), self.subject());
        Some(Box::pin(async move {
            limits.context.send_publish(subject, publish).await?.await
        }))
    }

    #[cold]
    fn take_bare(&mut self) -> Option<PublishMessage> {
        let (bare, payload) = self.bare.take()?;
        let headers = bare.into_headers(&self.outgoing);
        self.size = size(&headers, &payload);
        Some(message(headers, payload))
    }
}

fn message(headers: HeaderMap, payload: Bytes) -> PublishMessage {
    let publish = PublishMessage::build().payload(payload);
    if headers.is_empty() {
        publish
    } else {
        publish.headers(headers)
    }
}

fn size(headers: &HeaderMap, payload: &Bytes) -> usize {
    envelope(payload.len(), Some(headers)).unwrap_or(usize::MAX)
}

/// Whether the stream refuses the message because it is larger than the stream's `max_message_size`.
fn is_too_large(error: &PublishError) -> bool {
    let source = error.source();
    let answer = source.and_then(|source| source.downcast_ref::<jetstream::Error>());
    answer.is_some_and(|error| error.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
}
