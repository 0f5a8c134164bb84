//! Where the spans of `tracing` of messages are opened.
//!
//! These callsites are made by hand. `info_span!` notes the file, line and module that it stands in,
//! and the layer exports them as `code.file.path` and the like: for the reader of a trace they would
//! point into this crate, and not to where the message is sent or handled.

use crate::loss::log::TARGET;
use crate::telemetry::action::Operation;
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

fn callsite(operation: Operation) -> &'static DefaultCallsite {
    match operation {
        Operation::Process => callsite!("process"),
        Operation::Forward => callsite!("forward"),
        Operation::Receive => callsite!("receive"),
        Operation::Settle => callsite!("settle"),
        Operation::Create => callsite!("create"),
        Operation::Send | Operation::SendBatch => callsite!("send"),
    }
}

fn kind_field(operation: Operation) -> &'static str {
    match operation {
        Operation::Process => "consumer",
        Operation::Forward | Operation::SendBatch | Operation::Receive | Operation::Settle => {
            "client"
        }
        Operation::Send | Operation::Create => "producer",
    }
}

/// Opens a root span of `tracing` that OpenTelemetry calls `name`; a disabled one if nobody wants it.
///
/// `tracing` fixes the names of spans by where they stand in the source, so these are the
/// operation's alone.
pub(crate) fn open<'n>(operation: Operation, name: impl FnOnce() -> &'n str) -> Span {
    if !is_enabled(operation) {
        return Span::none();
    }
    let metadata = callsite(operation).metadata();
    let mut fields = metadata.fields().iter();
    let (Some(name_field), Some(kind_of)) = (fields.next(), fields.next()) else {
        return Span::none();
    };
    let (name, kind) = (name(), kind_field(operation));
    let values = [
        (&name_field, Some(&name as &dyn Value)),
        (&kind_of, Some(&kind as &dyn Value)),
    ];
    Span::new_root(metadata, &metadata.fields().value_set(&values))
}

/// As the macros of `tracing` ask, the cheapest question first.
fn is_enabled(operation: Operation) -> bool {
    if Level::INFO > STATIC_MAX_LEVEL || Level::INFO > LevelFilter::current() {
        return false;
    }
    let callsite = callsite(operation);
    let interest = callsite.interest();
    if interest.is_never() {
        return false;
    }
    interest.is_always() || dispatcher::get_default(|it| it.enabled(callsite.metadata()))
}
