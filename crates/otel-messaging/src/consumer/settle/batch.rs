//! The calls that settle a batch of deliveries.

use super::deliveries::Deliveries;
use super::delivery::{By, Place};
use super::guard::Guard;
use super::settling::{Returned, Settling, SettlingOne};
use super::{Settle, Unsettled};
use crate::consumer::batch_message::BatchMessage;
use crate::consumer::handle::Consumer;
use crate::instrumentation::settings::Instrumentation;
use crate::message::received::Received;
use crate::operation::failure::Failure;
use crate::operation::future::InContext;
use crate::operation::span::MessageSpan;
use opentelemetry::Context;
use std::fmt;
use std::sync::Arc;

/// A delivery of a batch, with its own context. [`with_batch_settlement`](crate::with_batch_settlement)
/// makes it.
///
/// Handle it with [`with_settlement`](Self::with_settlement), and it is settled by its own outcome. Handle it
/// with [`run`](Self::run) or [`try_run`](Self::try_run), or drop it, and it is settled with the batch.
///
/// While the program has it, or such a future, the batch does not settle it. So if a spawned task goes on with
/// it when the batch has ended, it is not acknowledged before it is handled: `with_settlement` settles it
/// then. If it is dropped then, or `run` ends then, its message goes back to the broker.
#[must_use = "its message has not been handled"]
pub struct BatchDelivery<M, C: 'static, S: Settle<C>> {
    message: BatchMessage<M>,
    held: Held<C, S>,
}

/// A delivery of a batch, while the program has it.
struct Held<C: 'static, S: Settle<C>> {
    guard: Guard<C, S>,
    /// When it is dropped.
    then: Place,
}

impl<C: 'static, S: Settle<C>> Held<C, S> {
    fn new(guard: &Guard<C, S>) -> Self {
        guard.delivery.put(Place::Held);
        Self {
            guard: guard.clone(),
            then: Place::WithBatch,
        }
    }

    /// Its handler has begun, and may not come to an end.
    fn begin(&mut self) {
        self.then = Place::Unhandled;
    }

    /// Its handler is done.
    fn end(&mut self) {
        self.then = Place::WithBatch;
    }

    /// Takes it out of its batch.
    fn apart(mut self) -> Guard<C, S> {
        self.then = Place::Apart;
        self.guard.clone()
    }
}

impl<C: 'static, S: Settle<C>> Drop for Held<C, S> {
    fn drop(&mut self) {
        self.guard.delivery.put(self.then);
    }
}

impl<M, C: 'static, S: Settle<C>> BatchDelivery<M, C, S> {
    /// The message: a reference if the batch was given references.
    pub fn message(&self) -> &M {
        self.message.message()
    }

    /// The message's context.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.message.context()
    }

    /// The guard of this delivery, to settle it by hand.
    pub fn guard(&self) -> &Guard<C, S> {
        &self.held.guard
    }

    /// Handles the message with its context current, as [`BatchMessage::run`] does. It is settled with the
    /// batch, whatever the handler returns, unless its [`guard`](Self::guard) settles it before. If the future
    /// is dropped before it is done, or the handler panics, the message goes back to the broker.
    pub fn run<F: Future>(
        self,
        handler: impl FnOnce(M) -> F,
    ) -> InContext<impl Future<Output = F::Output>> {
        let mut held = self.held;
        self.message.run(|message| {
            held.begin();
            let handled = handler(message);
            async move {
                let output = handled.await;
                held.end();
                output
            }
        })
    }

    /// Handles the message with its context current, as [`BatchMessage::try_run`] does. If the handler returns
    /// `Ok`, the message is settled with the batch. If it returns an error, the message goes back to the broker
    /// when the batch ends, whatever becomes of the others, and the error marks the span of the batch.
    pub fn try_run<F, T, E>(
        self,
        handler: impl FnOnce(M) -> F,
    ) -> InContext<impl Future<Output = Result<T, E>>>
    where
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let mut held = self.held;
        self.message.try_run(|message| {
            held.begin();
            let handled = handler(message);
            async move {
                let output = handled.await;
                if output.is_ok() {
                    held.end();
                }
                output
            }
        })
    }

    /// Handles the message with its context current, and settles it by the handler's outcome, as
    /// [`with_settlement`](crate::with_settlement) does. The span of the settlement is in the message's
    /// trace. An error of the handler marks the span of the batch, as with [`BatchMessage::try_run`].
    ///
    /// # Errors
    ///
    /// The client's error, if the settlement failed.
    pub fn with_settlement<F, T, E>(
        self,
        handler: impl FnOnce(M) -> F,
    ) -> SettlingOne<InContext<F>, T, E, C, S>
    where
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let (message, guard) = self.into_parts();
        let (message, span) = message.into_parts();
        guard.handle(span, message, handler)
    }

    /// Handles the message and settles it, as [`with_settlement`](Self::with_settlement) does, and lets the
    /// application decide whether and how an error marks the span of the batch.
    ///
    /// # Errors
    ///
    /// The client's error, if the settlement failed.
    #[expect(clippy::type_complexity, reason = "an alias cannot name a closure")]
    pub fn with_settlement_with<F, H, T, E, J>(
        self,
        handler: H,
        failure_of: J,
    ) -> SettlingOne<
        InContext<F, impl FnOnce(&MessageSpan, &Result<T, E>) + use<M, C, S, F, H, T, E, J>>,
        T,
        E,
        C,
        S,
    >
    where
        F: Future<Output = Result<T, E>>,
        H: FnOnce(M) -> F,
        J: FnOnce(&E) -> Option<Failure>,
    {
        let (message, guard) = self.into_parts();
        let (message, span) = message.into_parts();
        guard.handle_with(span, message, handler, failure_of)
    }

    /// The message with its context, and its guard. The batch does not settle it any more: if all clones of the
    /// guard are dropped before it has settled the message, the message goes back when the batch has ended.
    pub fn into_parts(self) -> (BatchMessage<M>, Guard<C, S>) {
        (self.message, self.held.apart())
    }
}

impl<M, C: 'static, S: Settle<C>> fmt::Debug for BatchDelivery<M, C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchDelivery")
            .field("message", &self.message)
            .field("guard", &self.held.guard)
            .finish()
    }
}

/// Handles a batch of messages as one operation, as
/// [`with_batch_context`](crate::with_batch_context) does, and settles them.
///
/// The handler gets a [`BatchDelivery`](crate::consumer::BatchDelivery) for each message. Those that it
/// settles one by one are settled then, each by its own outcome. All others are settled when the handler is
/// done, by the outcome of the whole, with one span such as `ack orders` that says how many they are:
///
/// | outcome of the batch's handler | settlement of what is left |
/// | --- | --- |
/// | `Ok` | acknowledged, or as [`and`](crate::consumer::Settling::and) says |
/// | `Err` | back to the broker, or as [`or`](crate::consumer::Settling::or) or [`or_else`](crate::consumer::Settling::or_else) says |
/// | a panic; the future is dropped | back to the broker |
///
/// All at once, such as one write of a hundred rows:
///
/// ```
/// # use otel_messaging::consumer::{Settle, Unsettled};
/// # use otel_messaging::with_batch_settlement;
/// # async fn insert<M>(_messages: &[&M]) -> std::io::Result<()> { Ok(()) }
/// # async fn consume<C: 'static, M: Unsettled<C>>(
/// #     messages: Vec<M>,
/// # ) -> Result<(), <M::Settler as Settle<C>>::Error> {
/// let stored = with_batch_settlement(&messages, async |batch| {
///     let rows: Vec<_> = batch.iter().map(|delivery| *delivery.message()).collect();
///     insert(&rows).await
/// });
/// if let Err(error) = stored.await? {
///     eprintln!("the messages went back to the broker: {error}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// Each by its own outcome:
///
/// ```
/// # use otel_messaging::consumer::{Settle, Unsettled};
/// # use otel_messaging::with_batch_settlement;
/// # async fn handle<M>(_message: &M) -> std::io::Result<()> { Ok(()) }
/// # async fn consume<C: 'static, M: Unsettled<C>>(
/// #     messages: Vec<M>,
/// # ) -> Result<(), <M::Settler as Settle<C>>::Error> {
/// with_batch_settlement(&messages, async |batch| {
///     for delivery in batch {
///         let _result = delivery.with_settlement(handle).await?;
///     }
///     Ok::<_, <M::Settler as Settle<C>>::Error>(())
/// })
/// .await?
/// # }
/// ```
///
/// # Errors
///
/// The client's first error, if settlements failed. The others are tried all the same. The handler's result is
/// inside.
pub fn with_batch_settlement<C, I, H, F, T, E>(
    messages: I,
    handler: H,
) -> BatchSettling<C, I::Item, F, T, E>
where
    C: 'static,
    I: IntoIterator<Item: Unsettled<C>>,
    H: FnOnce(Vec<UnsettledItem<C, I::Item>>) -> F,
    F: Future<Output = Result<T, E>>,
    E: fmt::Display,
{
    Instrumentation::global().with_batch_settlement(messages, handler)
}

/// A delivery of a batch whose messages bring what settles them.
pub type UnsettledItem<C, M> = BatchDelivery<M, C, <M as Unsettled<C>>::Settler>;

/// The future of a batch whose messages bring what settles them.
pub type BatchSettling<C, M, F, T, E> = AllSettling<C, <M as Unsettled<C>>::Settler, F, T, E>;

/// The future of a batch.
pub type AllSettling<C, S, F, T, E> =
    Settling<InContext<F>, Result<T, E>, Returned<C, S, E>, Deliveries<C, S>>;

impl Instrumentation {
    /// Handles a batch of messages and settles them; see the free function
    /// [`with_batch_settlement`](crate::with_batch_settlement).
    pub fn with_batch_settlement<C, I, H, F, T, E>(
        &self,
        messages: I,
        handler: H,
    ) -> BatchSettling<C, I::Item, F, T, E>
    where
        C: 'static,
        I: IntoIterator<Item: Unsettled<C>>,
        H: FnOnce(Vec<UnsettledItem<C, I::Item>>) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let (span, batch) = self.process_batch(messages);
        let settler = |message: &I::Item| message.settler();
        settle(
            span,
            By::Instrumentation(self.clone()),
            batch,
            settler,
            handler,
        )
    }
}

impl Consumer {
    /// Handles a batch of messages and settles them; see the free function
    /// [`with_batch_settlement`](crate::with_batch_settlement).
    pub fn with_batch_settlement<C, I, H, F, T, E>(
        &self,
        messages: I,
        handler: H,
    ) -> BatchSettling<C, I::Item, F, T, E>
    where
        C: 'static,
        I: IntoIterator<Item: Unsettled<C>>,
        H: FnOnce(Vec<UnsettledItem<C, I::Item>>) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        self.with_batch_settler(messages, |message| message.settler(), handler)
    }

    /// Handles a batch of messages and settles each with what `settler_of` gives for it, for adapters whose
    /// messages do not have what settles them; see the free function
    /// [`with_batch_settlement`](crate::with_batch_settlement). `settler_of` is called in the order of the
    /// messages.
    pub fn with_batch_settler<C, I, S, H, F, T, E>(
        &self,
        messages: I,
        settler_of: impl FnMut(&I::Item) -> S,
        handler: H,
    ) -> AllSettling<C, S, F, T, E>
    where
        C: 'static,
        I: IntoIterator<Item: Received<C>>,
        S: Settle<C>,
        H: FnOnce(Vec<BatchDelivery<I::Item, C, S>>) -> F,
        F: Future<Output = Result<T, E>>,
        E: fmt::Display,
    {
        let (span, batch) = self.process_batch(messages);
        settle(span, By::Consumer(self.clone()), batch, settler_of, handler)
    }
}

fn settle<C, M, S, H, F, T, E>(
    span: MessageSpan,
    by: By,
    batch: Vec<BatchMessage<M>>,
    mut settler_of: impl FnMut(&M) -> S,
    handler: H,
) -> AllSettling<C, S, F, T, E>
where
    C: 'static,
    S: Settle<C>,
    H: FnOnce(Vec<BatchDelivery<M, C, S>>) -> F,
    F: Future<Output = Result<T, E>>,
    E: fmt::Display,
{
    let guards = batch
        .iter()
        .map(|message| Guard::new(settler_of(message.message()), by.clone()));
    let deliveries = Deliveries::new(guards, by.clone());
    let span = span.with_left_open(Arc::new(deliveries.clone()));
    let batch = batch.into_iter().zip(deliveries.guards());
    let batch = batch.map(|(message, guard)| BatchDelivery {
        message,
        held: Held::new(guard),
    });
    let batch: Vec<_> = batch.collect();
    Settling::returned(span.try_handle(batch, handler), deliveries)
}
