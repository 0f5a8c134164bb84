//! A span of `tracing` that is entered on this thread, for a while.

use crate::context::traced::hidden::Hidden;
use crate::context::traced::layer::Layer;
use crate::context::traced::left::{any_left, exit_half_entered, is_current, restore};
use crate::context::traced::step::{ENTER, LEAVE};
use crate::loss::boundary::SPANS;
use opentelemetry::Context;
use tracing::Span;
use tracing::span::EnteredSpan;

/// Leaves a span of `tracing` when it is dropped, behind the boundary: layers are told of it.
#[derive(Debug)]
pub(crate) struct Leave<G> {
    inside: Option<Inside<G>>,
    _hidden: Option<Hidden>,
}

#[derive(Debug)]
struct Inside<G> {
    entered: G,
    /// What was current before the span was entered.
    outside: Context,
}

/// A span that is entered until this is dropped, whoever else has a handle of it.
pub(crate) type Entered = Leave<EnteredSpan>;

/// Enters the span. `is_layers`: the layer that it is for activates contexts.
pub(crate) fn enter(span: &Span, is_layers: bool) -> Leave<tracing::span::Entered<'_>> {
    enter_by(span, is_layers, Span::enter)
}

/// Enters the span by a handle of its own.
pub(crate) fn enter_owned(span: &Span) -> Entered {
    enter_by(span, false, |span| span.clone().entered())
}

/// Enters the span; where there is none, hides those that are entered, if they would count.
fn enter_by<'a, G>(span: &'a Span, is_layers: bool, enter: impl FnOnce(&'a Span) -> G) -> Leave<G> {
    if span.is_none() {
        return Leave {
            inside: None,
            _hidden: Hidden::new(),
        };
    }
    let outside = Context::current();
    let entered = SPANS.call(ENTER, || enter(span));
    if !is_layers && !is_current(&outside) && Layer::current().is_none() {
        // Only a layer that activates contexts makes another one current.
        Layer::Activates.remember();
    }
    if entered.is_none() {
        let was_told = !is_current(&outside);
        span.with_subscriber(|(id, subscriber)| exit_half_entered(was_told, id, subscriber));
        restore(outside.clone());
    }
    Leave {
        inside: entered.map(|entered| Inside { entered, outside }),
        _hidden: None,
    }
}

impl<G> Drop for Leave<G> {
    fn drop(&mut self) {
        if let Some(Inside { entered, outside }) = self.inside.take() {
            let left = SPANS.call(LEAVE, || drop(entered));
            if left.is_none() || any_left() {
                restore(outside);
            }
        }
    }
}
