//! What is entered in `tracing` while a context is current.

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::{SpanId, TraceContextExt};
use std::cell::Cell;
use std::ptr;
use tracing::span::Id;
use tracing::{Dispatch, Span, dispatcher};
use tracing_opentelemetry::get_otel_context;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

/// What the innermost scope of this thread began with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Began {
    /// Of the context that it made current.
    span_id: SpanId,
    /// The address of that context's baggage, which is alive as long as the scope is. `None` if the layer of the
    /// scope's own span has made the context current.
    baggage: Option<usize>,
    /// The span of `tracing` that was current then: the scope's own, or one around it.
    traced: Option<u64>,
    has_entered: bool,
}

thread_local! {
    static INNERMOST: Cell<Option<Began>> = const { Cell::new(None) };
}

impl Began {
    /// How the innermost scope began, if the span that is current to OpenTelemetry is the one that
    /// this scope made current.
    pub(crate) fn with(span_id: SpanId) -> Option<Self> {
        INNERMOST.get().filter(|began| began.span_id == span_id)
    }

    /// The context of the span of `tracing` that was entered last since then and that OpenTelemetry
    /// knows.
    pub(crate) fn entered_since(self) -> Option<Context> {
        // Such a layer would have made what was entered since current to OpenTelemetry. What is current to `tracing` may
        // be of another subscriber, and around the scope: nobody can ask in which order two subscribers were entered.
        self.baggage?;
        let current = dispatcher::get_default(current)?;
        if Some(current) == self.traced {
            return None;
        }
        innermost(self.traced)
    }

    /// Whether this baggage was attached since then.
    pub(crate) fn is_older_than(self, baggage: &Baggage) -> bool {
        self.baggage != Some(ptr::from_ref(baggage).addr())
    }

    /// Whether the scope's own span of `tracing` is the current one.
    pub(crate) fn has_its_own_current(self) -> bool {
        self.has_entered && dispatcher::get_default(current) == self.traced
    }
}

/// The context of the innermost entered span of `tracing` that OpenTelemetry knows, inside the one with
/// the id `outer`.
pub(crate) fn innermost(outer: Option<u64>) -> Option<Context> {
    // Cloned: whoever starts a span may ask for the subscriber too.
    let subscriber = dispatcher::get_default(Dispatch::clone);
    let current = subscriber.current_span();
    let id = current.id()?;
    let Some(registry) = subscriber.downcast_ref::<Registry>() else {
        return get_otel_context(id, &subscriber);
    };
    let around = registry.span(id)?.scope();
    around
        .map(|span| span.id())
        .take_while(|id| Some(id.into_u64()) != outer)
        .find_map(|id| get_otel_context(&id, &subscriber))
}

pub(crate) fn current(subscriber: &Dispatch) -> Option<u64> {
    subscriber.current_span().id().map(Id::into_u64)
}

/// Remembers how a scope began, until it ends.
#[derive(Debug)]
pub(crate) struct Innermost {
    outer: Option<Began>,
}

impl Innermost {
    /// For a scope that has made the context current and entered the span, if there is one. `is_attached`: the layer
    /// has made it current, so what is entered in `tracing` does not count beside it.
    #[inline]
    pub(crate) fn new(context: &Context, span: &Span, is_attached: bool) -> Self {
        let own = span.id().map(|id| id.into_u64());
        let span_id = context.span().span_context().span_id();
        let began = if is_attached {
            Began {
                span_id,
                baggage: None,
                traced: own,
                has_entered: true,
            }
        } else {
            Self::began(context, span_id, own)
        };
        Self {
            outer: INNERMOST.replace(Some(began)),
        }
    }

    #[inline(never)]
    fn began(context: &Context, span_id: SpanId, own: Option<u64>) -> Began {
        // Not the scope's own where it could not be entered, or was entered further out already.
        let traced = dispatcher::get_default(current);
        Began {
            span_id,
            baggage: Some(ptr::from_ref(context.baggage()).addr()),
            traced,
            has_entered: own.is_some() && traced == own,
        }
    }
}

impl Drop for Innermost {
    fn drop(&mut self) {
        INNERMOST.set(self.outer.take());
    }
}
