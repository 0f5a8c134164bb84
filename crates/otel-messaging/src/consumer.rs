//! The consumer side: a message's context, current while that one message is handled.

use crate::carried::Carried;
use crate::description::Description;
use crate::handling::Handling;
use crate::instrumentation::{Instrumentation, empty_context};
use crate::message::Received;
use crate::operation::{Operation, with_baggage_of};
use crate::scope::Scope;
use opentelemetry::Context;
use opentelemetry::trace::SpanKind;
use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

impl Instrumentation {
    /// Reads the context that `message` carries and starts the span of its handling; see the free
    /// function [`process`].
    pub fn process<C, M: Received<C> + ?Sized>(&self, message: &M) -> Processing {
        let carried = match message.carried_headers() {
            Some(headers) => self.read(headers),
            None => Carried::nothing(),
        };
        let mut description = Description::processed(M::SYSTEM);
        message.describe_message(&mut description);
        let starts_new_trace =
            carried.has_sender() && self.redelivery.starts_new_trace(&description);
        let links = carried.links();
        let carried = carried.context;
        let mut builder = description.into_span_builder(SpanKind::Consumer);
        if !links.is_empty() {
            builder = builder.with_links(links);
        }
        let mut operation = if starts_new_trace {
            // No span can be taken out of a context, and to samplers one without ids is a parent
            // that was not sampled.
            Operation::start(self, builder, &with_baggage_of(&empty_context(), &carried))
        } else {
            Operation::start(self, builder, &carried)
        };
        if !operation.has_span() {
            operation.set_context(carried);
        }
        Processing {
            operation,
            has_failed: AtomicBool::new(false),
        }
    }

    /// Handles `message` with its context current; see the free function
    /// [`with_message_context`].
    pub fn with_message_context<'a, C, M, H, F>(&self, message: &'a M, handler: H) -> Handling<F>
    where
        M: Received<C> + ?Sized,
        H: FnOnce(&'a M) -> F,
        F: Future,
    {
        let mut processing = self.process(message);
        let future = processing.handle(|_| handler(message));
        processing.run(future)
    }
}

/// Handles `message` with its context current: the one line of a consumer's loop.
///
/// The context is read from the message's headers, a span of kind CONSUMER is started as child of
/// the sender's span and linked to it, and that span is current whenever the handler runs,
/// its destructors included. It ends with the handler. A message without context gets a root span,
/// whatever span surrounds the loop. If a message has several contexts and its protocol does not
/// settle which one counts, it gets a root span with a link to each of them.
///
/// The future is `Send` if the handler's is. Dropped, it ends the span with its status unset; a
/// panic of the handler passes through and marks the span. The context is read at the call. What
/// is malformed in the headers reads as absent.
///
/// The handler borrows the message. One that owns it, or is not asynchronous, goes through
/// [`process`]: `process(&message).run(handle(message))`. Of a message behind an `Arc`, pass
/// `&*message` to a handler that takes `&M`.
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
/// Nothing is inherited by `tokio::spawn`, `spawn_blocking` or threads: what the handler gives to them
/// takes the context along in [`future_in_context`](crate::future_in_context),
/// [`closure_in_context`](crate::closure_in_context) or a [`Job`](crate::Job).
pub fn with_message_context<'a, C, M, H, F>(message: &'a M, handler: H) -> Handling<F>
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
pub fn process<C, M: Received<C> + ?Sized>(message: &M) -> Processing {
    Instrumentation::global().process(message)
}

/// The handling of one message: its span, which ends when this is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the span of the handling"]
pub struct Processing {
    operation: Operation,
    has_failed: AtomicBool,
}

impl Processing {
    /// Runs `future` with the message's context current at every poll and while it is dropped.
    pub fn run<F: Future>(self, future: F) -> Handling<F> {
        Handling::new(self, future, |_, _| {})
    }

    /// Makes the message's context current on this thread until the guard is dropped, which also
    /// ends the span. For synchronous handlers; hold the guard across no `.await`.
    ///
    /// Do not forget the guard (`std::mem::forget`): its context then stays current. If one thread
    /// holds 8,192 guards, this crate detaches all of them and logs it.
    pub fn enter(self) -> Entered {
        Entered {
            _attached: self.operation.enter(),
            processing: self,
            already_panicking: std::thread::panicking(),
        }
    }

    /// The context of the handling: what the message carried, with the span of the handling.
    pub fn context(&self) -> &Context {
        self.operation.context()
    }

    /// Marks the span as failed. `error_type` is a name of low cardinality for `error.type`;
    /// `description` says what happened. Both are exported, cut to 1,024 bytes and without control
    /// characters. The first failure counts: a span that is marked stays as it is.
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) {
        if !self.has_failed.swap(true, Ordering::Relaxed) {
            self.operation.fail(error_type.into(), description);
        }
    }

    pub(crate) fn attached<T>(&self, work: impl FnOnce() -> T) -> T {
        self.operation.attached(work)
    }

    /// Does a piece of the handler's own work with the context current. A panic in it ends the
    /// span: whoever catches it may keep the rest of the handler for long.
    pub(crate) fn handle<T>(&mut self, work: impl FnOnce(&Self) -> T) -> T {
        struct Unwinding<'a>(&'a mut Processing);
        impl Drop for Unwinding<'_> {
            fn drop(&mut self) {
                self.0.panicked();
                self.0.end();
            }
        }
        let unwinding = Unwinding(self);
        let processing = &*unwinding.0;
        let output = processing.attached(|| work(processing));
        std::mem::forget(unwinding);
        output
    }

    fn panicked(&self) {
        self.fail("panic", "the handler panicked");
    }

    pub(crate) fn end(&mut self) {
        self.operation.end();
    }
}

/// A message's context, current on this thread until this guard is dropped; made by
/// [`Processing::enter`]. Do not forget it (`std::mem::forget`): its context then stays current.
#[derive(Debug)]
#[must_use = "dropping it detaches the message's context"]
pub struct Entered {
    // Dropped before the span ends: what has ended should not be current.
    _attached: Scope,
    processing: Processing,
    /// Entered in a destructor, while somebody else's panic unwinds.
    already_panicking: bool,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.already_panicking {
            self.processing.panicked();
        }
    }
}

impl Entered {
    /// The context of the handling, to be moved to other threads.
    pub fn context(&self) -> &Context {
        self.processing.context()
    }

    /// Marks the span as failed; see [`Processing::fail`].
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, description: impl fmt::Display) {
        self.processing.fail(error_type, description);
    }
}
