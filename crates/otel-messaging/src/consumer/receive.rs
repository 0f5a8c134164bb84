//! The spans of polls.

use crate::consumer::handle::Consumer;
use crate::consumer::polled::{Came, Polled};
use crate::context::current::current_context;
use crate::message::received::Client;
use crate::operation::start::whereto;
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
    /// consumer in this way, or none.
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
        let parent = current_context();
        async move {
            let by = handle.instrumentation.settings();
            let action = Action {
                operation: Operation::Receive,
                name: <F::Output as Polled<C, S>>::Client::RECEIVE,
            };
            let waiting = Waiting::start(by, action, &parent);
            let output = poll.await;
            if let Some(waiting) = waiting {
                handle.shared.has_received.store(true, Ordering::Relaxed);
                handle.came(waiting, action, &output);
            }
            output
        }
    }

    /// Ends the span of a poll.
    fn came<C, S, P: Polled<C, S>>(&self, waiting: Waiting, action: Action, output: &P) {
        let by = self.instrumentation.settings();
        let mut came = Came::with_senders(&by.propagation);
        output.show(&mut came);
        if came.is_empty() {
            return;
        }
        let endpoint = &self.shared.info.0;
        let info = came.info();
        let (destination, template) = whereto(by, info.destination(), Some(endpoint));
        let info = info.with_destination(destination);
        let known = Known {
            action,
            system: P::Client::SYSTEM,
            info: &info,
            template: template.as_ref(),
            endpoint: Some(endpoint),
        };
        let links = std::mem::take(&mut came.links);
        let mut span = waiting.came::<P::Client>(by, &known, links, came.messages);
        span.describe(&by.hook, &known, |attributes| {
            if came.is_batch {
                let key = semconv::MESSAGING_BATCH_MESSAGE_COUNT;
                attributes.set_count(key, came.messages);
            } else if came.messages == 1 {
                let mut one = Came::with_attributes();
                output.show(&mut one);
                attributes.append(one.attributes.unwrap_or_default());
            }
        });
        if let Some((error_type, error)) = came.error {
            span.fail(error_type, error);
        }
        span.end();
    }
}
