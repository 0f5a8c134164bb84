//! The spans of polls.

use crate::consumer::handle::Consumer;
use crate::consumer::polled::{Polled, PolledMessages, Wanted};
use crate::context::current::{Current, current_context};
use crate::message::received::Client;
use crate::operation::waiting::Waiting;
use crate::telemetry::action::{Action, Operation};
use crate::telemetry::semconv;
use crate::telemetry::span_builder::Known;
use std::sync::atomic::Ordering;

impl Consumer {
    /// Awaits a poll of the client, and makes the span `receive {destination}` of it (`poll` on Kafka): of
    /// kind CLIENT, a child of the context that is current at the call, with a link to the sender of each
    /// message. It takes any future of a message, or of an `Option`, a `Result` or a `Vec` of messages,
    /// and returns what the future returns.
    ///
    /// The span has the time that the poll took. A poll that gives nothing, and one that is dropped, leave
    /// no span and no metric. An error marks the span.
    ///
    /// The messages count in `messaging.client.consumed.messages` here. So once this handle or a clone of
    /// it has received, it no longer counts messages when they are handled. Receive all messages of a
    /// consumer in this way, or none, and handle them by this handle or a clone: a free function such as
    /// [`with_message_context`](crate::with_message_context) counts them once more.
    ///
    /// With the feature `tracing`, the span is opened when the poll starts, because the layer takes that time
    /// for its start. So other layers see a span of each poll, also of those that are not exported, and a
    /// sampler sees the name without the destination.
    ///
    /// ```
    /// use otel_messaging::consumer::Consumer;
    /// use otel_messaging::Received;
    ///
    /// # async fn handle<M>(_message: &M) {}
    /// # async fn consume<C, M: Received<C>>(
    /// #     billing: Consumer,
    /// #     next: impl Future<Output = Result<Option<M>, std::io::Error>>,
    /// # ) -> std::io::Result<()> {
    /// if let Some(message) = billing.receive(next).await? {
    ///     billing.with_message_context(&message, handle).await;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn receive<C, S, F>(&self, poll: F) -> impl Future<Output = F::Output> + use<C, S, F>
    where
        F: Future,
        F::Output: Polled<C, S>,
    {
        let handle = self.clone();
        let parent = Current::from(current_context());
        async move {
            let by = handle.instrumentation.settings();
            let action = Action {
                operation: Operation::Receive,
                name: <F::Output as Polled<C, S>>::Client::RECEIVE,
            };
            let waiting = Waiting::start(by, action, parent, || action.name);
            let output = poll.await;
            if let Some(waiting) = waiting {
                handle.shared.has_received.store(true, Ordering::Relaxed);
                handle.end_poll(waiting, action, &output);
            }
            output
        }
    }

    /// Ends the span of a poll.
    fn end_poll<C, S, P: Polled<C, S>>(&self, waiting: Waiting, action: Action, output: &P) {
        let by = self.instrumentation.settings();
        if !waiting.is_wanted::<P::Client>(by) {
            return;
        }
        let polled = PolledMessages::of(output, Wanted::Common(by));
        if polled.is_empty() {
            return;
        }
        let (in_common, endpoint) = (&polled.in_common, &self.shared.info.0);
        let known = Known {
            action,
            system: P::Client::SYSTEM,
            info: &in_common.info(Some(endpoint)),
            template: in_common.template.as_ref(),
            endpoint: Some(endpoint),
        };
        let mut equal = Vec::new();
        let links = || {
            let wanted = Wanted::Senders(by, endpoint, in_common);
            let (links, on_span) = PolledMessages::of(output, wanted).senders.split();
            equal = on_span;
            links
        };
        let mut span = waiting.end::<P::Client>(by, &known, links, in_common.count);
        span.describe(&by.hook, &known, |attributes| {
            if polled.is_batch {
                let key = semconv::MESSAGING_BATCH_MESSAGE_COUNT;
                attributes.set_count(key, in_common.count);
            }
            attributes.extend(equal);
        });
        if let Some((error_type, error)) = polled.error {
            span.fail(error_type, error);
        }
        span.end();
    }
}
