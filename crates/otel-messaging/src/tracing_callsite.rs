//! Where the spans of `tracing` of messages are opened.
//!
//! These callsites are made by hand. `info_span!` notes the file, line and module that it stands in,
//! and the layer exports them as `code.file.path` and the like: for the reader of a trace they would
//! point into this crate, and not to where the message is sent or handled.

use crate::log::TARGET;
use opentelemetry::trace::{SpanBuilder, SpanKind};
use tracing::field::{FieldSet, Value};
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::metadata::Kind;
use tracing::{Level, Metadata, Span, dispatcher};
use tracing_core::callsite::{Callsite, DefaultCallsite};

/// What the layer of tracing-opentelemetry takes name and kind from.
const FIELDS: &[&str] = &["otel.name", "otel.kind"];

macro_rules! callsite {
    ($name:literal) => {{
        static METADATA: Metadata<'static> = Metadata::new(
            $name,
            TARGET,
            Level::INFO,
            None,
            None,
            None,
            FieldSet::new(FIELDS, tracing_core::identify_callsite!(&CALLSITE)),
            Kind::SPAN,
        );
        static CALLSITE: DefaultCallsite = DefaultCallsite::new(&METADATA);
        &CALLSITE
    }};
}

/// Opens a root span of `tracing` for what `builder` describes; a disabled one if nobody wants it.
///
/// `tracing` fixes the names of spans by where they stand in the source, so these are the
/// operation's alone. OpenTelemetry gets the builder's.
pub(crate) fn open(builder: &SpanBuilder) -> Span {
    let (callsite, kind) = match builder.span_kind {
        Some(SpanKind::Consumer) => (callsite!("process"), "consumer"),
        Some(SpanKind::Client) => (callsite!("forward"), "client"),
        _ => (callsite!("send"), "producer"),
    };
    if !is_enabled(callsite) {
        return Span::none();
    }
    let metadata = callsite.metadata();
    let mut fields = metadata.fields().iter();
    let (Some(name), Some(kind_field)) = (fields.next(), fields.next()) else {
        return Span::none();
    };
    let values = [
        (&name, Some(&&*builder.name as &dyn Value)),
        (&kind_field, Some(&kind as &dyn Value)),
    ];
    Span::new_root(metadata, &metadata.fields().value_set(&values))
}

/// As the macros of `tracing` ask, the cheapest question first.
fn is_enabled(callsite: &'static DefaultCallsite) -> bool {
    if Level::INFO > STATIC_MAX_LEVEL || Level::INFO > LevelFilter::current() {
        return false;
    }
    let interest = callsite.interest();
    if interest.is_never() {
        return false;
    }
    interest.is_always() || dispatcher::get_default(|it| it.enabled(callsite.metadata()))
}
