//! A span that has begun: by the layer of `tracing`, or by a tracer provider.

use crate::context::current::Current;
use crate::context::traced;
use crate::loss::boundary::SPANS;
use crate::loss::count::links_dropped;
use crate::loss::row::Step;
use crate::message::attributes::Attributes;
use crate::message::received::Client;
use crate::operation::traced_span::{self, Started};
use crate::propagation::random_flag;
use crate::telemetry::tracer::Telemetry;
use opentelemetry::Context;
use opentelemetry::global::BoxedSpan;
use opentelemetry::trace::{Span, SpanBuilder, TraceContextExt};

/// A span that has begun, in the context to work in.
pub(crate) struct Begun {
    pub(super) current: Current,
    /// Whether it records attributes. It is asked once, because each question locks the span.
    pub(super) is_recording: bool,
}

impl Begun {
    /// Begins the span that `builder` describes, and adds the attributes of `describe` if it records. `None` if there is
    /// none after all. `again` makes the builder again, if there is something else to begin the span by.
    #[inline]
    pub(crate) fn begin<C: Client>(
        by: &Telemetry,
        opened: Option<traced::Span>,
        builder: SpanBuilder,
        mut again: impl FnMut() -> SpanBuilder,
        parent: &Context,
        describe: impl FnOnce(&mut Attributes),
    ) -> Option<Self> {
        let builder = match opened {
            None => builder,
            Some(opened) => {
                let links = links_of(&builder);
                match traced_span::start(opened, builder, parent) {
                    Started::Seen(span, context, is_layers) => {
                        count_links(links, &context);
                        let current = Current::new(context, span, is_layers);
                        return Some(Self::traced(current, parent, describe));
                    }
                    Started::Failed => return None,
                    Started::Unseen => again(),
                }
            }
        };
        // Each stays in its place until it is taken: a builder is large.
        let (mut builder, mut describe) = (Some(builder), Some(describe));
        let begun = Self::by::<C>(by, &mut builder, parent, &mut describe)?;
        begun.or_else(|| {
            // The provider was shut down, and there may be another one by now.
            if !by.looks_again() {
                return None;
            }
            builder = Some(again());
            Self::by_another::<C>(by, &mut builder, parent, &mut describe)
        })
    }

    /// By the layer of `tracing`.
    fn traced(
        mut current: Current,
        parent: &Context,
        describe: impl FnOnce(&mut Attributes),
    ) -> Self {
        if random_flag::is_lost(current.context(), parent) {
            current = current.map(random_flag::remember_own);
        }
        let is_recording = || current.context().span().is_recording();
        let is_recording = SPANS.call(Step::DESCRIBE, is_recording) == Some(true);
        if is_recording {
            let span = current.context().span();
            SPANS.call(Step::DESCRIBE, || {
                Attributes::with_spare(|attributes| {
                    describe(attributes);
                    if !attributes.is_empty() {
                        span.set_attributes(attributes.drain());
                    }
                });
            });
        }
        Self {
            current,
            is_recording,
        }
    }

    #[cold]
    #[inline(never)]
    fn by_another<C: Client>(
        by: &Telemetry,
        builder: &mut Option<SpanBuilder>,
        parent: &Context,
        describe: &mut Option<impl FnOnce(&mut Attributes)>,
    ) -> Option<Self> {
        Self::by::<C>(by, builder, parent, describe)?
    }

    /// By a tracer provider. `None` if it panics or is off, and `Some(None)` if it gives no span of its own.
    // Inlined, because the builder is large. Only the cold path has a second call.
    #[inline(always)]
    #[expect(
        clippy::option_option,
        reason = "only the latter is a reason to try again"
    )]
    fn by<C: Client>(
        by: &Telemetry,
        builder: &mut Option<SpanBuilder>,
        parent: &Context,
        describe: &mut Option<impl FnOnce(&mut Attributes)>,
    ) -> Option<Option<Self>> {
        let links = builder.as_ref().map_or(0, links_of);
        // Outside of the boundary: a panic of `describe` costs the attributes, and not the span.
        let mut begun = None;
        let asked = by.with_tracer::<C, _>(|tracer| {
            let Some(builder) = builder.take() else {
                return;
            };
            let span = builder.start_with_context(tracer, parent);
            if !is_own(&span, parent) {
                return;
            }
            let is_recording = span.is_recording();
            let (span, _) = begun.insert((span, is_recording));
            if is_recording && let Some(describe) = describe.take() {
                Attributes::with_spare(|attributes| {
                    describe(attributes);
                    // Most messages have no more than the span has from its start.
                    if !attributes.is_empty() {
                        for attribute in attributes.drain() {
                            span.set_attribute(attribute);
                        }
                    }
                });
            }
        });
        let Some((span, is_recording)) = begun else {
            return asked.map(|()| None);
        };
        let context = random_flag::keep(parent.with_span(span), parent);
        count_links(links, &context);
        Some(Some(Self {
            current: context.into(),
            is_recording,
        }))
    }
}

/// Whether a span is of its own, and not of its parent: a provider that was shut down gives a span without ids, and a
/// provider without effect gives the parent's span. The context that came in then goes out.
#[inline]
fn is_own(span: &BoxedSpan, parent: &Context) -> bool {
    let span = span.span_context();
    span.is_valid() && span.span_id() != parent.span().span_context().span_id()
}

#[inline]
fn links_of(builder: &SpanBuilder) -> usize {
    builder.links.as_ref().map_or(0, Vec::len)
}

/// The links of a span that OpenTelemetry's SDK keeps by default.
const KEPT_LINKS: usize = 128;

/// Counts the links for which a span that has started has no room.
#[inline]
pub(super) fn count_links(links: usize, context: &Context) {
    if links > KEPT_LINKS && context.span().span_context().is_sampled() {
        links_dropped((links - KEPT_LINKS) as u64);
    }
}
