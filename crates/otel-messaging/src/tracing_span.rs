//! Spans of the `tracing` crate, in programs with tracing-opentelemetry.

use crate::boundary;
use crate::log::warn_line;
use crate::operation::with_baggage_of;
use crate::tracing_callsite;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{SpanBuilder, SpanId, TraceContextExt};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use tracing::dispatcher::WeakDispatch;
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Span, dispatcher};
use tracing_opentelemetry::{OpenTelemetrySpanExt, SetParentError};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

/// What came of starting a span of `tracing`.
pub(crate) enum Started {
    /// OpenTelemetry sees it, in this context.
    Seen(Span, Context),
    /// OpenTelemetry would not see it: the caller then starts one of OpenTelemetry alone.
    Unseen,
    /// A layer, a sampler or a processor panicked, is off, or is what this was called by.
    Failed,
}

/// Starts what `builder` describes as a span of `tracing`, with `parent` as its parent and not
/// whatever span is entered here.
pub(crate) fn start(builder: &SpanBuilder, parent: &Context) -> Started {
    if parent.is_telemetry_suppressed() || Lost::is_current() {
        return Started::Unseen;
    }
    let Some(span) = boundary::SPANS.ask(|| tracing_callsite::open(builder)) else {
        return Started::Failed;
    };
    // Borrowed: a panic must not close the span while it unwinds, since layers are told of that too.
    let prepared = boundary::SPANS.call(|| prepare(&span, builder, parent));
    match prepared {
        Some(Some(context)) => Started::Seen(span, context),
        Some(None) => {
            close(span);
            Started::Unseen
        }
        None => {
            close(span);
            Started::Failed
        }
    }
}

/// Tells OpenTelemetry's layer what the span is, and starts it. `None` where the layer does not know
/// the span.
fn prepare(span: &Span, builder: &SpanBuilder, parent: &Context) -> Option<Context> {
    if span.is_disabled() {
        Missing::Span.report();
        return None;
    }
    match span.set_parent(parent.clone()) {
        Ok(()) => {}
        Err(SetParentError::LayerNotFound) => {
            Missing::Layer.report();
            Lost::remember();
            return None;
        }
        Err(_) => {
            Missing::Span.report();
            return None;
        }
    }
    // Before the span is started, so that a sampler sees them.
    for link in builder.links.iter().flatten() {
        span.add_link_with_attributes(link.span_context.clone(), link.attributes.clone());
    }
    for attribute in builder.attributes.iter().flatten() {
        span.set_attribute(attribute.key.clone(), attribute.value.clone());
    }
    let context = span.context();
    if !context.has_active_span() {
        // The layer has a filter of its own: it says yes to a parent, and knows no span.
        Missing::Span.report();
        return None;
    }
    let span_id = context.span().span_context().span_id();
    if span_id == SpanId::INVALID {
        // A tracer without effect: what came in goes out.
        return None;
    }
    OfMessage(span_id).mark(span);
    Some(context)
}

/// Drops a span that [`start`] has given.
pub(crate) fn close(span: Span) {
    if !span.is_none() {
        boundary::SPANS.call(|| drop(span));
    }
}

/// What the registry keeps with a message's span of `tracing`: which one of OpenTelemetry it is.
struct OfMessage(SpanId);

impl OfMessage {
    fn mark(self, span: &Span) {
        let mut mark = Some(self);
        span.with_subscriber(|(id, subscriber)| {
            let registry = subscriber.downcast_ref::<Registry>()?;
            registry.span(id)?.extensions_mut().replace(mark.take()?)
        });
    }

    /// Whether the current span of `tracing` was opened inside that of the message whose span of
    /// OpenTelemetry this is.
    fn is_around_current(span_id: SpanId) -> bool {
        Self::depth(span_id).is_some_and(|depth| depth > 0)
    }

    /// Whether the current span of `tracing` is that of the message whose span of OpenTelemetry this
    /// is.
    fn is_current(span_id: SpanId) -> bool {
        Self::depth(span_id) == Some(0)
    }

    /// How far out from the current span of `tracing` the next one of a message is, if it is the one
    /// whose span of OpenTelemetry this is.
    fn depth(span_id: SpanId) -> Option<usize> {
        dispatcher::get_default(|subscriber| {
            let registry = subscriber.downcast_ref::<Registry>()?;
            let current = subscriber.current_span();
            let mut depth = registry.span(current.id()?)?.scope().enumerate();
            depth.find_map(|(depth, span)| {
                let of_message = span.extensions().get::<Self>()?.0;
                Some((depth, of_message))
            })
        })
        .and_then(|(depth, of_message)| (of_message == span_id).then_some(depth))
    }
}

/// The context of the current span of `tracing`, if it counts more than OpenTelemetry's: that has no
/// span, or only that of a message. A layer that does not activate contexts makes spans current to
/// `tracing` alone.
pub(crate) fn current(context: &Context) -> Option<Context> {
    let of_opentelemetry = context.span().span_context().clone();
    let is_ours = of_opentelemetry.is_valid() && !of_opentelemetry.is_remote();
    if context.is_telemetry_suppressed()
        || is_ours && !OfMessage::is_around_current(of_opentelemetry.span_id())
    {
        return None;
    }
    let traced = Span::current().context();
    let of_tracing = traced.span().span_context().clone();
    let is_the_same_trace = of_opentelemetry.trace_id() == of_tracing.trace_id();
    if !of_tracing.is_valid() || (of_opentelemetry.is_valid() && !is_the_same_trace) {
        return None;
    }
    // What was attached since the span was started is newer.
    Some(if context.baggage().is_empty() {
        traced
    } else {
        with_baggage_of(&traced, context)
    })
}

/// The span of `tracing` that has to be entered where `context`, which is [`current`] here, is to be
/// current too. None where the layer activates contexts: spans of `tracing` go by those, and a handle
/// would keep a handler's span open until its last job is done. That of a message is ended by itself.
pub(crate) fn to_take_along(context: &Context) -> Span {
    let span_id = context.span().span_context().span_id();
    if span_id == SpanId::INVALID || context.is_telemetry_suppressed() {
        return Span::none();
    }
    let is_known_to_tracing_alone =
        Context::map_current(|current| current.span().span_context().span_id() != span_id);
    if is_known_to_tracing_alone || OfMessage::is_current(span_id) {
        Span::current()
    } else {
        Span::none()
    }
}

/// A subscriber in which the layer was looked for in vain. It may be there all the same, of another
/// version or inside a `reload::Layer`, and then exports each span that is opened in vain.
struct Lost {
    registry: usize,
    /// Holds the address: no other subscriber can come to have it.
    _subscriber: WeakDispatch,
}

static ANY_LOST: AtomicBool = AtomicBool::new(false);
static LOST: RwLock<Option<Lost>> = RwLock::new(None);

impl Lost {
    fn is_current() -> bool {
        ANY_LOST.load(Ordering::Relaxed) && {
            let lost = LOST.read().unwrap_or_else(PoisonError::into_inner);
            let registry = lost.as_ref().map(|lost| lost.registry);
            registry.is_some() && registry == dispatcher::get_default(registry_of)
        }
    }

    fn remember() {
        let lost = dispatcher::get_default(|subscriber| {
            Some(Self {
                registry: registry_of(subscriber)?,
                _subscriber: subscriber.downgrade(),
            })
        });
        if lost.is_some() {
            *LOST.write().unwrap_or_else(PoisonError::into_inner) = lost;
            ANY_LOST.store(true, Ordering::Relaxed);
        }
    }
}

/// The address of the registry below the layers, by which subscribers are told apart.
fn registry_of(subscriber: &Dispatch) -> Option<usize> {
    let registry = subscriber.downcast_ref::<Registry>()?;
    Some(std::ptr::from_ref(registry).addr())
}

/// Why a span of `tracing` would not be one of OpenTelemetry.
#[derive(Clone, Copy)]
enum Missing {
    Layer,
    Span,
}

static LAYER_REPORTED: AtomicBool = AtomicBool::new(false);
static SPAN_REPORTED: AtomicBool = AtomicBool::new(false);

impl Missing {
    /// Says so once in a process, and how to mend it.
    #[cold]
    fn report(self) {
        let reported = match self {
            Self::Layer => &LAYER_REPORTED,
            Self::Span => &SPAN_REPORTED,
        };
        // Without a subscriber nobody would read it; there may be one later.
        let is_nobody = dispatcher::get_default(Dispatch::is::<NoSubscriber>);
        if is_nobody || reported.swap(true, Ordering::Relaxed) {
            return;
        }
        match self {
            Self::Layer => {
                warn_line!(
                    name: "OtelMessaging.TracingLayerNotFound",
                    message = "messages get no span of `tracing`: its subscriber has no \
                               tracing-opentelemetry layer for opentelemetry 0.33. Add one; if there \
                               is one, see that it is of tracing-opentelemetry 0.34 (`cargo tree -i \
                               opentelemetry` shows a second version) and not inside a reload::Layer"
                );
            }
            Self::Span => {
                warn_line!(
                    name: "OtelMessaging.TracingSpanDisabled",
                    message = "messages get no span of `tracing`: a filter of its subscriber or of \
                               the tracing-opentelemetry layer disables them. Let the level INFO of \
                               the target `otel_messaging` pass"
                );
            }
        }
    }
}
