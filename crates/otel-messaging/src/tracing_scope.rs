//! What is entered in `tracing` while a context is current.

use crate::boundary::{self, Step};
use crate::finding::Finding;
use crate::tracing_layer::{self, Layer};
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::trace::{SpanId, TraceContextExt};
use std::cell::Cell;
use std::ptr;
use tracing::span::Id;
use tracing::{Dispatch, Span, Subscriber, dispatcher};
use tracing_opentelemetry::{OpenTelemetrySpanExt, SetParentError, get_otel_context};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

/// What the innermost scope of this thread began with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Began {
    /// Of the context that it made current.
    span_id: SpanId,
    /// The address of that context's baggage, which is alive as long as the scope is.
    baggage: usize,
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
        let current = dispatcher::get_default(current)?;
        if Some(current) == self.traced {
            return None;
        }
        innermost(self.traced)
    }

    /// Whether this baggage was attached since then.
    pub(crate) fn is_older_than(self, baggage: &Baggage) -> bool {
        self.baggage != ptr::from_ref(baggage).addr()
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

fn current(subscriber: &Dispatch) -> Option<u64> {
    subscriber.current_span().id().map(Id::into_u64)
}

/// Remembers how a scope began, until it ends.
#[derive(Debug)]
pub(crate) struct Innermost {
    outer: Option<Began>,
}

impl Innermost {
    /// For a scope that has made the context current and entered the span, if there is one.
    pub(crate) fn new(context: &Context, span: &Span) -> Self {
        let own = span.id().map(|id| id.into_u64());
        // Not the scope's own where it could not be entered, or was entered further out already.
        let traced = dispatcher::get_default(current);
        let began = Began {
            span_id: context.span().span_context().span_id(),
            baggage: ptr::from_ref(context.baggage()).addr(),
            traced,
            has_entered: own.is_some() && traced == own,
        };
        Self {
            outer: INNERMOST.replace(Some(began)),
        }
    }
}

impl Drop for Innermost {
    fn drop(&mut self) {
        INNERMOST.set(self.outer.take());
    }
}

/// The spans of `tracing` that are entered around a scope without one of its own, and that would be
/// the parents of spans inside. Until this is dropped, the registry does not have them as entered. The
/// layers are told nothing: for them the spans stay entered.
#[derive(Debug)]
pub(crate) struct Hidden {
    subscriber: Dispatch,
    /// The innermost first.
    spans: Vec<Id>,
}

impl Hidden {
    /// `None` where there are no such spans: the layer that makes spans of OpenTelemetry goes by the
    /// current context, or does not know any of those that are entered.
    pub(crate) fn new() -> Option<Self> {
        dispatcher::get_default(current)?;
        match Layer::current() {
            Some(Layer::Activates | Layer::Lost) => None,
            known => Self::where_they_count(known),
        }
    }

    #[inline(never)]
    fn where_they_count(known: Option<Layer>) -> Option<Self> {
        let hidden = Self::all()?;
        // It may start the loop's span, if nothing else has.
        let found = boundary::SPANS.ask(Step::Look, || {
            let is_seen = |id: &&Id| get_otel_context(id, &hidden.subscriber).is_some();
            let seen = hidden.spans.iter().find(is_seen)?;
            known.or_else(|| {
                let layer = Layer::ask(&hidden.subscriber, seen)?;
                layer.remember();
                Some(layer)
            })
        });
        // Where nobody may be asked, by what is known.
        let layer = found.unwrap_or(known);
        if layer == Some(Layer::GoesByEntered) {
            return Some(hidden);
        }
        drop(hidden);
        if known.or(layer).is_none() {
            boundary::SPANS.ask(Step::Look, look_for_the_layer);
        }
        None
    }

    fn all() -> Option<Self> {
        let subscriber = dispatcher::get_default(Dispatch::clone);
        let registry = subscriber.downcast_ref::<Registry>()?;
        let mut spans = Vec::new();
        while let Some(id) = registry.current_span().id() {
            registry.exit(id);
            spans.push(id.clone());
        }
        Some(Self { subscriber, spans })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let Some(registry) = self.subscriber.downcast_ref::<Registry>() else {
            return;
        };
        for id in self.spans.iter().rev() {
            // Unless it was left and closed meanwhile.
            if registry.span(id).is_some() {
                registry.enter(id);
            }
        }
    }
}

/// The current span is none that the layer knows: is there a layer at all?
#[cold]
fn look_for_the_layer() {
    let span = Span::current();
    // It changes nothing: a layer that does not know the span has no parent to set.
    let Err(SetParentError::LayerNotFound) = span.set_parent(Context::new()) else {
        return;
    };
    match span.with_subscriber(|(id, subscriber)| Layer::ask(subscriber, id)) {
        Some(Some(Layer::Activates)) => Layer::Activates.remember(),
        // One that does not activate contexts may be hidden from us: it could not be told from none.
        Some(Some(_)) => {
            Layer::Lost.remember();
            tracing_layer::report(&Finding::LayerNotFound);
        }
        _ => {}
    }
}
