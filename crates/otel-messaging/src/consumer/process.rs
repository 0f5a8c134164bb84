//! The span of a message's handling.

use crate::context::current::{Current, current_context};
use crate::context::traced;
use crate::instrumentation::settings::{Instrumentation, Settings};
use crate::loss::witness;
use crate::message::endpoint::Endpoint;
use crate::message::received::Received;
use crate::operation::future::InContext;
use crate::operation::reading::warn_of;
use crate::operation::related::Related;
use crate::operation::span::MessageSpan;
use crate::operation::start::{Of, wanted_at};
use crate::policy::relation::Relation;
use crate::policy::trust::handled::handling_of;
use crate::propagation::carried::{Carried, Left};
use crate::telemetry::action::{Action, Operation};
use opentelemetry::Context;
use opentelemetry::trace::{Link, TraceContextExt};
use std::borrow::Cow;
use std::cell::Cell;

pub(crate) const PROCESS: Action = Action {
    operation: Operation::Process,
    name: "process",
};

impl Instrumentation {
    /// Reads the context that `message` carries and starts the span of its handling; see the free
    /// function [`process`].
    pub fn process<C, M: Received<C> + ?Sized>(&self, message: &M) -> MessageSpan {
        process_by(self.settings(), &AsConsumer::default(), message)
    }

    /// Handles `message` with its context current; see the free function
    /// [`with_message_context`].
    pub fn with_message_context<'a, C, M, H, F>(&self, message: &'a M, handler: H) -> InContext<F>
    where
        M: Received<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future,
    {
        self.process(message).handle(message, handler)
    }
}

/// Starts the span and the metrics of a message's handling. Only they ask what is known of the message.
pub(crate) fn process_by<C, M: Received<C> + ?Sized>(
    by: &Settings,
    as_consumer: &AsConsumer<'_>,
    message: &M,
) -> MessageSpan {
    if by.is_disabled {
        return MessageSpan::without(Current::here());
    }
    let (carried, seen) = witness::watch(|| by.read(message, as_consumer.endpoint));
    let relation = as_consumer.relation.unwrap_or(by.relation);
    if carried.is_warned && relation == Relation::ChildOfSender {
        warn_of(&carried, message, &current_context());
    }
    let Some(now) = wanted_at(by, &carried.context) else {
        return MessageSpan::without(carried.context.into());
    };
    let of = Of {
        action: PROCESS,
        message,
        consumer: as_consumer.endpoint,
        context: &carried.context,
    };
    // Asked once, also if `related` is called again: the answer counts a delivery.
    let starts_new_trace = Cell::new(None);
    let mut span = MessageSpan::start(
        by,
        &of,
        now,
        |info| {
            let asked = || by.redelivery.starts_new_trace(info, &carried.context);
            let is_new = starts_new_trace.get().unwrap_or_else(asked);
            starts_new_trace.set(Some(is_new));
            related(relation, &carried, is_new)
        },
        |attributes| {
            if !by.captured_headers.is_empty()
                && let Some(headers) = message.message_headers()
            {
                by.captured_headers.set(headers, attributes);
            }
        },
    );
    if carried.left == Left::Ids && span.has_span() {
        by.telemetry.note_sampler(span.context());
    }
    if let Some(measurement) = span.measurement() {
        measurement.arrived(carried.outcome(seen), seen, as_consumer.is_counted);
    }
    span
}

/// What a consumer's handle says of the handling of a message.
#[derive(Debug, Default)]
pub(crate) struct AsConsumer<'a> {
    pub(crate) endpoint: Option<&'a Endpoint>,
    /// In place of the instrumentation's.
    pub(crate) relation: Option<Relation>,
    /// The message was counted when it was received.
    pub(crate) is_counted: bool,
}

/// The parent and the links of the span that handles a message.
#[inline]
fn related(relation: Relation, carried: &Carried, starts_new_trace: bool) -> Related<'_> {
    let mut links = carried.links();
    if let Some(around) = around() {
        if relation == Relation::ChildOfCurrent && !starts_new_trace {
            return Related {
                parent: Cow::Owned(handling_of(&around, &carried.context)),
                links,
            };
        }
        let around = around.span().span_context().clone();
        let id = (around.trace_id(), around.span_id());
        let is_around =
            |link: &Link| (link.span_context.trace_id(), link.span_context.span_id()) == id;
        if !links.iter().any(is_around) {
            links.push(Link::with_context(around));
        }
    }
    if relation == Relation::Link || starts_new_trace {
        Related::root(&carried.context, links)
    } else {
        Related::child_of(&carried.context, links)
    }
}

/// The current context, if it has a span. Most consumers have none around their loop.
#[inline]
fn around() -> Option<Context> {
    if traced::is_nobody_there() && !Context::map_current(Context::has_active_span) {
        return None;
    }
    let current = current_context();
    let is_valid = current.span().span_context().is_valid();
    is_valid.then_some(current)
}

impl MessageSpan {
    /// Calls the handler with the message's context current, and runs its future so.
    pub(crate) fn handle<M, H, F>(mut self, message: M, handler: H) -> InContext<F>
    where
        H: FnOnce(M) -> F,
        F: Future,
    {
        let future = self.work(|_| handler(message));
        self.run(future)
    }

    /// Runs `future` with the message's context current at every poll and while it is dropped.
    pub fn run<F: Future>(self, future: F) -> InContext<F> {
        InContext::unjudged(self, future)
    }
}

/// Handles `message` with its context current. Call it once per message, in the consumer's loop.
///
/// It reads the context from the message's headers and starts a span of kind CONSUMER, as a child of the
/// sender's span and linked to it. This span is current whenever the handler runs, and while it is
/// dropped. The span ends with the handler. A message without a context gets a root span, also if a span
/// surrounds the loop; a span that surrounds it is linked. ([`Relation`](crate::instrumentation::Relation)
/// has other ways.) If a message has several contexts, and its protocol does not say which one counts,
/// it gets a root span with a link to each.
///
/// The future is `Send` if the handler's is. If you drop it, the span ends with its status unset. A panic
/// of the handler passes through and marks the span. The context is read at the call. Malformed headers
/// read as absent.
///
/// The handler borrows the message. If your handler owns it, or is not asynchronous, use [`process`]:
/// `process(&message).run(handle(message))`. If the message is behind an `Arc`, pass `&*message` to a
/// handler that takes `&M`.
///
/// ```
/// # use otel_messaging::{Received, with_message_context};
/// # async fn consume<C, M: Received<C>>(message: M) {
/// with_message_context(&message, |message| async move {
///     // spans started here, and messages published here, join the sender's trace
/// #   let _ = message;
/// })
/// .await;
/// # }
/// ```
///
/// Tasks of `tokio::spawn` and `spawn_blocking`, and threads, do not inherit the context. Wrap what the
/// handler gives to them in [`future_in_context`](crate::future_in_context),
/// [`closure_in_context`](crate::closure_in_context) or a [`Job`](crate::Job).
pub fn with_message_context<'a, C, M, H, F>(message: &'a M, handler: H) -> InContext<F>
where
    M: Received<C> + ?Sized,
    H: FnOnce(&'a M) -> F,
    F: Future,
{
    Instrumentation::global().with_message_context(message, handler)
}

/// Reads the context that `message` carries and starts the span of its handling, for handlers
/// that own their message or are not asynchronous.
///
/// ```
/// # use otel_messaging::{Received, process};
/// # use std::num::ParseIntError;
/// # async fn handle<M>(_: M) {}
/// # fn handle_now<M>(_: &M) -> Result<u64, ParseIntError> { "7".parse() }
/// # fn dead_letter<M>(_: M, _: ParseIntError) {}
/// # async fn consume<C, M: Received<C>>(message: M, other: M) {
/// // the message moves into its handler
/// process(&message).run(async move { handle(message).await }).await;
///
/// // a synchronous handler
/// let entered = process(&other).enter();
/// if let Err(error) = handle_now(&other) {
///     entered.fail("order", &error); // the text is exported
///     dead_letter(other, error); // still inside the span
/// }
/// drop(entered);
/// # }
/// ```
pub fn process<C, M: Received<C> + ?Sized>(message: &M) -> MessageSpan {
    Instrumentation::global().process(message)
}
