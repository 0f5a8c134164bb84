//! Spans of `tracing` that are hidden from a message without one of its own.

use crate::context::traced::innermost::current;
use crate::context::traced::layer::{Layer, report};
use crate::context::traced::step::LOOK;
use crate::loss::boundary::SPANS;
use crate::loss::finding::Finding;
use opentelemetry::Context;
use tracing::span::Id;
use tracing::{Dispatch, Span, Subscriber, dispatcher};
use tracing_opentelemetry::{OpenTelemetrySpanExt, SetParentError, get_otel_context};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

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
        let found = SPANS.ask(LOOK, || {
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
            SPANS.ask(LOOK, look_for_the_layer);
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
            report(&Finding::LayerNotFound);
        }
        _ => {}
    }
}
