//! Services by async-nats' `service` module: requests whose answers inject.

use crate::headers::{Nats, PER_HEADER};
use crate::injection::{Injection, Outgoing};
use crate::message::{SYSTEM, set_message_id};
use crate::service_error;
use crate::spelling::Spelling;
use async_nats::client::{PublishError, PublishErrorKind};
use async_nats::service::Request;
use async_nats::service::error::Error;
use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use otel_messaging::{Description, Instrumentation, Received, Sending, semconv};

impl Received<Nats> for Request {
    type Headers = HeaderMap;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&HeaderMap> {
        self.message.carried_headers()
    }

    fn describe_message(&self, description: &mut Description) {
        self.message.describe_message(description);
    }
}

impl Received<Nats> for InjectingRequest {
    type Headers = HeaderMap;

    const SYSTEM: &'static str = SYSTEM;

    fn carried_headers(&self) -> Option<&HeaderMap> {
        self.inner.carried_headers()
    }

    fn describe_message(&self, description: &mut Description) {
        self.inner.describe_message(description);
    }
}

/// The default of nats-server, in bytes.
const MAX_PAYLOAD: usize = 1024 * 1024;

/// A service's [`Request`] whose answers carry the context that is current at the call.
///
/// It is a received message like the request itself, so the request, its processing and its answer
/// become one trace:
///
/// ```no_run
/// # use async_nats::service::ServiceExt;
/// # use futures_util::StreamExt;
/// # use otel_messaging_async_nats::{InjectingRequest, with_message_context};
/// # async fn serve(client: async_nats::Client) -> Result<(), async_nats::Error> {
/// let service = client.service_builder().start("shop", "1.0.0").await?;
/// let mut orders = service.endpoint("orders").await?;
/// while let Some(request) = orders.next().await {
///     let request = InjectingRequest::new(request);
///     with_message_context(&request, async |request| {
///         request.respond(Ok("done".into())).await
///     })
///     .await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// A request does not tell how large its answer may be. An answer for which the client finds no
/// room with a context is sent once more without; then the endpoint's statistics count it twice.
/// [`with_max_payload`](Self::with_max_payload) spares that.
#[derive(Debug)]
pub struct InjectingRequest {
    inner: Request,
    injection: Injection,
    max_payload: usize,
}

impl InjectingRequest {
    /// Wraps a request; its answers go out by [`Instrumentation::global`].
    #[must_use]
    pub fn new(inner: Request) -> Self {
        Self {
            inner,
            injection: Injection::default(),
            max_payload: MAX_PAYLOAD,
        }
    }

    /// Answers by this instrumentation, in place of the global one.
    #[must_use]
    pub fn with_instrumentation(mut self, instrumentation: Instrumentation) -> Self {
        self.injection.instrumentation = Some(instrumentation);
        self
    }

    /// Writes the names of the context's headers in this spelling. The default is
    /// [`Spelling::AsReceived`].
    #[must_use]
    pub fn with_spelling(mut self, spelling: Spelling) -> Self {
        self.injection.spelling = spelling;
        self
    }

    /// Takes this for the size of the largest message, in bytes, in place of 1,048,576; what the
    /// service's client says is [`Client::max_payload`](async_nats::Client::max_payload).
    #[must_use]
    pub fn with_max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// The wrapped request. What it answers itself carries no context.
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
    /// answer's headers. The span `respond` ends when the client has taken the message; the inbox
    /// that it goes to stays out of the span's name.
    ///
    /// An answer that says that the service failed has the code as an attribute of its span, and
    /// marks the span of the one who asked. The span of the processing is marked when its handler
    /// returns an error, see [`try_with_message_context`](crate::try_with_message_context).
    ///
    /// # Errors
    ///
    /// Those of the request, unchanged; the span is then marked as failed.
    pub fn respond(
        &self,
        response: Result<Bytes, Error>,
    ) -> impl Future<Output = Result<(), PublishError>> {
        self.respond_with_headers(response, HeaderMap::new())
    }

    /// Answers as [`Request::respond_with_headers`] does; see [`respond`](Self::respond).
    ///
    /// The given headers stay as they are, but for the propagator's own fields, which are
    /// replaced.
    ///
    /// # Errors
    ///
    /// Those of the request, unchanged; the span is then marked as failed.
    pub fn respond_with_headers(
        &self,
        response: Result<Bytes, Error>,
        mut headers: HeaderMap,
    ) -> impl Future<Output = Result<(), PublishError>> {
        let (sending, injected) = self.inject(&response, headers.clone());
        let has_context = injected != headers;
        async move {
            let mut taken = self
                .inner
                .respond_with_headers(response.clone(), injected)
                .await;
            let is_too_large =
                |error: &PublishError| error.kind() == PublishErrorKind::MaxPayloadExceeded;
            if has_context && taken.as_ref().is_err_and(is_too_large) {
                // No room at all: an older context is left out too.
                self.injection.write(&sending, &mut headers, 0);
                taken = self.inner.respond_with_headers(response, headers).await;
            }
            if let Err(error) = &taken {
                sending.fail(format!("{:?}", error.kind()), error);
            }
            taken
        }
    }

    fn inject(
        &self,
        response: &Result<Bytes, Error>,
        mut headers: HeaderMap,
    ) -> (Sending, HeaderMap) {
        let mut description = Description::sent(SYSTEM, "respond");
        let reply = self.inner.message.reply.as_deref();
        if let Some(subject) = reply {
            // One request's, whatever its prefix.
            description.set_temporary_destination(subject);
        }
        set_message_id(&mut description, Some(&headers));
        if let Err(error) = response
            && let Ok(code) = i64::try_from(error.code)
        {
            description.set_attribute(semconv::MESSAGING_NATS_SERVICE_ERROR_CODE, code);
        }
        let sending = Sending::start(self.injection.instrumentation.as_ref(), description);
        let outgoing = Outgoing {
            subject: reply.unwrap_or_default(),
            payload: size(response),
            max_payload: self.max_payload,
        };
        let asked = self.inner.message.headers.as_ref();
        let room = outgoing.room(Some(&headers));
        self.injection
            .write_for(asked, &sending, &mut headers, room);
        (sending, headers)
    }
}

/// What the request adds to the given headers, in bytes.
fn size(response: &Result<Bytes, Error>) -> usize {
    match response {
        Ok(payload) => payload.len(),
        Err(error) => {
            let header = |name: &str, value: usize| name.len() + value + PER_HEADER;
            header(service_error::TEXT.as_ref(), error.status.len())
                + header(service_error::CODE.as_ref(), error.code.to_string().len())
        }
    }
}
