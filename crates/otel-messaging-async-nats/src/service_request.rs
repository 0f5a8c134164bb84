//! Services by async-nats' `service` module: requests whose answers inject.

use crate::headers::Nats;
use crate::injecting_producer::InjectingProducer;
use crate::injection::Injection;
use crate::outbound::Outbound;
use crate::outcome;
use crate::service_error;
use crate::wire_size::{of_header, of_headers, room_for};
use async_nats::client::{PublishError, PublishErrorKind};
use async_nats::service::Request;
use async_nats::service::error::Error;
use async_nats::{Client, HeaderMap, Message};
use bytes::Bytes;
use otel_messaging::Received;
use otel_messaging::adapter::{Attributes, Describe, Destination, MessageInfo, Outgoing};
use std::sync::Arc;

/// A service's [`Request`] whose answers carry the context that is current at the call.
///
/// It is a received message like the request itself. So the request, its handling and its answer are in
/// one trace:
///
/// ```no_run
/// # use async_nats::service::ServiceExt;
/// # use futures_util::StreamExt;
/// # use otel_messaging_async_nats::{InjectingProducer, with_message_context};
/// # async fn serve(client: async_nats::Client) -> Result<(), async_nats::Error> {
/// let service = client.service_builder().start("shop", "1.0.0").await?;
/// let mut orders = service.endpoint("orders").await?;
/// let producer = InjectingProducer::new(client);
/// while let Some(request) = orders.next().await {
///     let request = producer.injecting_request(request);
///     with_message_context(&request, async |request| {
///         request.respond(Ok("done".into())).await
///     })
///     .await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// [`InjectingProducer::injecting_request`] makes it.
#[derive(Debug)]
pub struct InjectingRequest {
    inner: Request,
    injection: Injection,
    /// It knows how large an answer may be.
    client: Arc<Client>,
}

impl InjectingProducer<Client> {
    /// Wraps a request to a service, so that its answers carry the context that is current at the call.
    /// They go out by this producer's instrumentation and in its spelling.
    ///
    /// The producer has to wrap the service's own client. A request does not know how large its answer
    /// may be, so the wrapper asks that client at each answer ([`max_payload`](Client::max_payload)).
    #[must_use]
    pub fn injecting_request(&self, request: Request) -> InjectingRequest {
        InjectingRequest {
            inner: request,
            injection: self.injection.clone(),
            client: self.client.clone(),
        }
    }
}

impl InjectingRequest {
    /// The wrapped request. An answer that you send by it directly carries no context.
    pub fn get_ref(&self) -> &Request {
        &self.inner
    }

    /// Gives the wrapped request back.
    pub fn into_inner(self) -> Request {
        self.inner
    }

    /// The request as a message, as [`Request::message`].
    pub fn message(&self) -> &Message {
        &self.inner.message
    }

    /// Answers as [`Request::respond`] does, with the context that is current at the call in the
    /// answer's headers. The span `respond` ends when the client has taken the message. Its name does not
    /// have the inbox to which the answer goes.
    ///
    /// If the service failed, the code is an attribute of the span, and the answer marks the requester's
    /// span as failed. The span of the handler is marked if the handler returns an error; see
    /// [`try_with_message_context`](crate::try_with_message_context).
    ///
    /// # Errors
    ///
    /// The request's own error, unchanged. It marks the span as failed.
    pub fn respond(
        &self,
        response: Result<Bytes, Error>,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.respond_with_headers(response, HeaderMap::new())
    }

    /// Answers as [`Request::respond_with_headers`] does; see [`respond`](Self::respond).
    ///
    /// The given headers stay as they are, except for the propagator's own fields, which this method
    /// replaces.
    ///
    /// The server to which the service is connected may take less than the producer's client knows: if the
    /// producer wraps another client, or if the service's client reconnects before the future is awaited.
    /// If the answer is too large with a context, this method answers once more without one: it leaves out
    /// an older context in the given headers too, and [`dropped_fields`](crate::loss::dropped_fields)
    /// counts. The statistics of the endpoint then count two requests, and two errors
    /// if the service failed.
    ///
    /// # Errors
    ///
    /// The request's own error, unchanged. It marks the span as failed.
    pub fn respond_with_headers(
        &self,
        response: Result<Bytes, Error>,
        headers: HeaderMap,
    ) -> impl Future<Output = Result<(), PublishError>> {
        let given = headers.clone();
        let (mut outgoing, headers) = self.inject(&response, headers);
        let again = (headers != given).then(|| (response.clone(), given));
        async move {
            outgoing.hand_over();
            let mut taken = self.inner.respond_with_headers(response, headers).await;
            if let Some((response, mut headers)) = again
                && taken.as_ref().is_err_and(is_too_large)
            {
                outgoing.leave_out(&mut headers);
                taken = self.inner.respond_with_headers(response, headers).await;
            }
            outcome::finish(outgoing, &taken);
            taken
        }
    }

    fn inject(
        &self,
        response: &Result<Bytes, Error>,
        mut headers: HeaderMap,
    ) -> (Outgoing, HeaderMap) {
        let request = &self.inner.message;
        let code = response.as_ref().err().map(|error| error.code);
        let payload = response.as_ref().map_or(0, Bytes::len);
        let info = &self.injection.info;
        let answer = Outbound::answer(request.reply.as_deref(), &headers, payload, info, code);
        let outgoing = self.injection.sender.outgoing("respond", &answer);
        let own = of_headers(Some(&headers));
        let room = room_for(self.client.max_payload(), size(response), own);
        let asked = request.headers.as_ref();
        self.injection
            .write_beside(asked, (&mut headers, own), &outgoing, room);
        (outgoing, headers)
    }
}

impl Describe<Nats> for InjectingRequest {
    type Client = Nats;

    fn destination(&self) -> Destination<'_> {
        self.inner.destination()
    }

    fn message_info(&self) -> MessageInfo<'_> {
        self.inner.message_info()
    }

    fn body_size(&self) -> Option<usize> {
        self.inner.body_size()
    }

    fn envelope_size(&self) -> Option<usize> {
        self.inner.envelope_size()
    }

    fn set_attributes(&self, info: &MessageInfo<'_>, attributes: &mut Attributes) {
        self.inner.set_attributes(info, attributes);
    }

    fn attribute_room(&self) -> usize {
        self.inner.attribute_room()
    }
}

impl Received<Nats> for InjectingRequest {
    type Headers = HeaderMap;

    fn message_headers(&self) -> Option<&HeaderMap> {
        self.inner.message_headers()
    }
}

fn is_too_large(error: &PublishError) -> bool {
    error.kind() == PublishErrorKind::MaxPayloadExceeded
}

/// What the answer adds to the given headers, in bytes.
fn size(response: &Result<Bytes, Error>) -> usize {
    match response {
        Ok(payload) => payload.len(),
        Err(error) => {
            let code = error.code.to_string();
            of_header(service_error::TEXT.as_ref(), &error.status)
                + of_header(service_error::CODE.as_ref(), &code)
        }
    }
}
