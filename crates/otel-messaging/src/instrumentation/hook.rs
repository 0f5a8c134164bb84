//! The application's own attributes on the spans of messages.

use crate::message::attributes::Attributes;
use crate::message::info::MessageInfo;
use crate::telemetry::action::Action;
use opentelemetry::Context;
use std::fmt;
use std::sync::Arc;

/// What a span is about, for the hook of
/// [`with_span_attributes`](crate::instrumentation::Builder::with_span_attributes).
#[derive(Debug)]
pub struct SpanDetails<'a> {
    pub(crate) action: Action,
    pub(crate) message: &'a MessageInfo<'a>,
    pub(crate) context: &'a Context,
}

impl<'a> SpanDetails<'a> {
    /// `messaging.operation.type`: `create`, `send`, `receive` or `process`.
    #[must_use]
    pub fn operation_type(&self) -> &'static str {
        self.action.operation.operation_type()
    }

    /// `messaging.operation.name`: the client's own word, such as `publish`, or `create`.
    #[must_use]
    pub fn operation_name(&self) -> &'static str {
        self.action.name_on_span()
    }

    /// What is known of the message. The span of a poll knows the destination alone.
    #[must_use]
    pub fn message(&self) -> &'a MessageInfo<'a> {
        self.message
    }

    /// The context of the span, with the baggage that the message carries.
    #[must_use]
    pub fn context(&self) -> &'a Context {
        self.context
    }
}

type Hook = dyn Fn(&SpanDetails<'_>, &mut Attributes) + Send + Sync;

/// The hook of an instrumentation, if it has one.
#[derive(Clone, Default)]
pub(crate) struct SpanHook(Option<Arc<Hook>>);

impl SpanHook {
    pub(crate) fn new(
        hook: impl Fn(&SpanDetails<'_>, &mut Attributes) + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(hook)))
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn call(&self, details: &SpanDetails<'_>, attributes: &mut Attributes) {
        if let Some(hook) = &self.0 {
            hook(details, attributes);
        }
    }
}

impl fmt::Debug for SpanHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "set" } else { "none" })
    }
}
