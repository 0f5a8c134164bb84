//! The client that injects.

use crate::headers::{PER_HEADER, wire_size};
use crate::message::{SYSTEM, describe};
use async_nats::client::{PublishError, Request, RequestError};
use async_nats::{Client, HeaderMap, Message, ToSubject};
use bytes::Bytes;
use otel_messaging::{Description, Instrumentation, Sending};

/// An [`async_nats::Client`] or [`jetstream::Context`](async_nats::jetstream::Context) whose
/// messages carry the context that is current at the call.
///
/// It has the publishing methods of what it wraps, with the same names and arguments; everything
/// else is done on the client itself, through [`get_ref`](Self::get_ref). There is no `Deref`: it
/// would let a message pass uninjected without a word.
///
/// Headers count towards the server's `max_payload`. Of a context for which a message has no room,
/// baggage is left out first, then tracestate, from the right; where there is none even for a
/// traceparent, the message goes without its context. Each is counted in
/// [`dropped_fields`](crate::dropped_fields).
///
/// ```no_run
/// # use async_nats::Client;
/// # use otel_messaging_async_nats::InjectingProducer;
/// # async fn publish(client: Client) -> Result<(), async_nats::Error> {
/// let producer = InjectingProducer::new(client.clone());
/// producer.publish("orders", "order 7".into()).await?;
///
/// let jetstream = InjectingProducer::new(async_nats::jetstream::new(client));
/// jetstream.publish("orders", "order 7".into()).await?.await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct InjectingProducer<P> {
    pub(crate) inner: P,
    instrumentation: Option<Instrumentation>,
}

impl<P> InjectingProducer<P> {
    /// Wraps a client or a JetStream context; its messages go out by [`Instrumentation::global`].
    ///
    /// Wrap the client's own value, which is cheap to clone, and not a reference to it.
    #[must_use]
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            instrumentation: None,
        }
    }

    /// Sends by this instrumentation, in place of the global one.
    #[must_use]
    pub fn with_instrumentation(mut self, instrumentation: Instrumentation) -> Self {
        self.instrumentation = Some(instrumentation);
        self
    }

    /// The wrapped client. What is published on it directly carries no context.
    pub fn get_ref(&self) -> &P {
        &self.inner
    }

    /// Gives the wrapped client back.
    pub fn into_inner(self) -> P {
        self.inner
    }

    /// Starts the message's span and writes its context into the headers.
    pub(crate) fn inject(
        &self,
        operation: &'static str,
        message: Outgoing<'_>,
        headers: Option<HeaderMap>,
    ) -> (Sending, HeaderMap) {
        let mut description = Description::sent(SYSTEM, operation);
        describe(&mut description, message.subject, headers.as_ref());
        let sending = Sending::start(self.instrumentation.as_ref(), description);
        let room = message.max_payload.saturating_sub(message.payload);
        let mut headers = headers.unwrap_or_default();
        sending.inject_where_room(&mut headers, PER_HEADER, |headers| {
            room.checked_sub(wire_size(headers))
        });
        (sending, headers)
    }
}

/// What is known of a message before it is published.
pub(crate) struct Outgoing<'a> {
    pub(crate) subject: &'a str,
    /// In bytes.
    pub(crate) payload: usize,
    /// What the server takes, in bytes.
    pub(crate) max_payload: usize,
}

impl InjectingProducer<Client> {
    /// Publishes as [`Client::publish`] does, with the context that is current at the call in the
    /// message's headers.
    ///
    /// The span `publish {subject}` ends when the client has taken the message: core NATS gives
    /// no answer.
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn publish<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.publish_message(subject, None, payload)
    }

    /// Publishes as [`Client::publish_with_headers`] does; see [`publish`](Self::publish).
    ///
    /// The given headers stay as they are, but for the propagator's own fields, which are
    /// replaced.
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn publish_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.publish_message(subject, Some(headers), payload)
    }

    /// Publishes as [`Client::publish_with_reply`] does; see [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn publish_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.publish_message_with_reply(subject, reply, None, payload)
    }

    /// Publishes as [`Client::publish_with_reply_and_headers`] does; see
    /// [`publish_with_headers`](Self::publish_with_headers).
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn publish_with_reply_and_headers<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        headers: HeaderMap,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.publish_message_with_reply(subject, reply, Some(headers), payload)
    }

    /// Requests as [`Client::request`] does, with the context that is current at the call in the
    /// request's headers. The span `request {subject}` ends with the reply.
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn request<S: ToSubject>(
        &self,
        subject: S,
        payload: Bytes,
    ) -> impl Future<Output = Result<Message, RequestError>> {
        self.send_request(subject, Request::new().payload(payload))
    }

    /// Requests as [`Client::request_with_headers`] does; see [`request`](Self::request).
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn request_with_headers<S: ToSubject>(
        &self,
        subject: S,
        headers: HeaderMap,
        payload: Bytes,
    ) -> impl Future<Output = Result<Message, RequestError>> {
        let request = Request::new().headers(headers).payload(payload);
        self.send_request(subject, request)
    }

    /// Requests as [`Client::send_request`] does; see [`request`](Self::request).
    ///
    /// # Errors
    ///
    /// Those of the client, unchanged; the span is then marked as failed.
    pub fn send_request<S: ToSubject>(
        &self,
        subject: S,
        mut request: Request,
    ) -> impl Future<Output = Result<Message, RequestError>> {
        let subject = subject.to_subject();
        let message = Outgoing {
            subject: &subject,
            payload: request.payload.as_ref().map_or(0, Bytes::len),
            max_payload: self.inner.max_payload(),
        };
        let (sending, headers) = self.inject("request", message, request.headers.take());
        request.headers = (!headers.is_empty()).then_some(headers);
        async move {
            let reply = self.inner.send_request(subject, request).await;
            if let Err(error) = &reply {
                sending.fail(format!("{:?}", error.kind()), error);
            }
            reply
        }
    }

    fn publish_message<S: ToSubject>(
        &self,
        subject: S,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        let subject = subject.to_subject();
        let (sending, headers) = self.inject("publish", self.outgoing(&subject, &payload), headers);
        async move {
            let taken = if headers.is_empty() {
                self.inner.publish(subject, payload).await
            } else {
                let client = &self.inner;
                client.publish_with_headers(subject, headers, payload).await
            };
            end(sending, taken)
        }
    }

    fn publish_message_with_reply<S: ToSubject, R: ToSubject>(
        &self,
        subject: S,
        reply: R,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> impl Future<Output = Result<(), PublishError>> {
        let subject = subject.to_subject();
        let reply = reply.to_subject();
        let (sending, headers) = self.inject("publish", self.outgoing(&subject, &payload), headers);
        async move {
            let client = &self.inner;
            let taken = if headers.is_empty() {
                client.publish_with_reply(subject, reply, payload).await
            } else {
                client
                    .publish_with_reply_and_headers(subject, reply, headers, payload)
                    .await
            };
            end(sending, taken)
        }
    }

    fn outgoing<'a>(&self, subject: &'a str, payload: &Bytes) -> Outgoing<'a> {
        Outgoing {
            subject,
            payload: payload.len(),
            max_payload: self.inner.max_payload(),
        }
    }
}

fn end(sending: Sending, taken: Result<(), PublishError>) -> Result<(), PublishError> {
    if let Err(error) = &taken {
        sending.fail(format!("{:?}", error.kind()), error);
    }
    taken
}
