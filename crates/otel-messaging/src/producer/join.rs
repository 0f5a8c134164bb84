//! Links of a message that is made of many.

use crate::context::current::Current;
use crate::instrumentation::settings::Instrumentation;
use crate::loss::count::links_dropped;
use crate::loss::witness;
use crate::message::received::Received;
use crate::operation::future::InContext;
use crate::operation::span::MessageSpan;
use crate::producer::tally::MAX_LINKS;
use opentelemetry::Context;
use opentelemetry::trace::{Link, TraceContextExt};
use std::sync::Arc;

/// Joins many messages to one: the spans of the messages that are published inside have a link to the sender
/// of each.
///
/// They are otherwise children of the current context, as always. A `Join` takes received messages, and the
/// contexts of [`Job`](crate::Job)s, of [`ContextCarrier`](crate::ContextCarrier)s or of any other source. It
/// keeps a link for each and nothing else. So you can fill it while the messages come in, and drop them.
///
/// ```
/// # use otel_messaging::Received;
/// use otel_messaging::producer::Join;
///
/// # async fn publish_sum() {}
/// # async fn consume<C, M: Received<C>>(messages: Vec<M>) {
/// Join::of(&messages)
///     .run(async || {
///         publish_sum().await; // its span has a link to the sender of each message
///     })
///     .await;
/// # }
/// ```
///
/// A join keeps the first 1,024 links. By default OpenTelemetry's SDK keeps the first 128 of them on each span.
/// [`dropped_links`](crate::loss::dropped_links) counts the others.
#[derive(Debug, Clone, Default)]
#[must_use = "a join links what is published inside `run` or `call`"]
pub struct Join {
    links: Vec<Link>,
}

/// The links, as a context has them.
struct Joined(Arc<[Link]>);

impl Join {
    /// Makes a join of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a join of received messages. [`Instrumentation::global`] reads their contexts.
    pub fn of<C>(messages: impl IntoIterator<Item: Received<C>>) -> Self {
        let mut join = Self::new();
        for message in messages {
            join.add_message(Instrumentation::global(), &message);
        }
        join
    }

    /// Makes a join of contexts, such as [`Job::context`](crate::Job::context).
    pub fn of_contexts<'a>(contexts: impl IntoIterator<Item = &'a Context>) -> Self {
        let mut join = Self::new();
        for context in contexts {
            join.add_context(context);
        }
        join
    }

    /// Adds a received message, whose context `instrumentation` reads. If its contexts contradict each other,
    /// there is a link to each; if it has none that can be read, there is no link.
    pub fn add_message<C, M>(&mut self, instrumentation: &Instrumentation, message: &M)
    where
        M: Received<C> + ?Sized,
    {
        let by = instrumentation.settings();
        if by.is_disabled {
            return;
        }
        let (carried, _) = witness::watch(|| by.read(message, None));
        carried.links().into_iter().for_each(|link| self.add(link));
    }

    /// Adds a context: a link to its span, if it has one.
    pub fn add_context(&mut self, context: &Context) {
        let span = context.span().span_context().clone();
        if span.is_valid() {
            self.add(Link::with_context(span));
        }
    }

    fn add(&mut self, link: Link) {
        if self.links.len() < MAX_LINKS {
            self.links.push(link);
        } else {
            links_dropped(1);
        }
    }

    /// Calls `work`, and runs its future. What is published there, or in background work that is started
    /// there, has the links. If joins are nested, the innermost one counts.
    pub fn run<F: Future>(self, work: impl FnOnce() -> F) -> InContext<F> {
        let current = self.current();
        let future = current.attached(work);
        InContext::unjudged(MessageSpan::without(current), future)
    }

    /// Calls `work`, as [`run`](Self::run) does, for clients that are not asynchronous.
    pub fn call<T>(self, work: impl FnOnce() -> T) -> T {
        self.current().attached(work)
    }

    fn current(self) -> Current {
        let joined = Joined(self.links.into());
        Current::here().map(|context| context.with_value(joined))
    }
}

/// Adds the links of the join that this is called in, if it is called in one.
#[inline]
pub(crate) fn add_joined(links: &mut Vec<Link>) {
    Context::map_current(|context| {
        if let Some(joined) = context.get::<Joined>() {
            links.extend_from_slice(&joined.0);
        }
    });
}
