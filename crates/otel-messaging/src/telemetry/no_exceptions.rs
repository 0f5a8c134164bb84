//! Without the feature `logs`, failures are not logged.

use crate::message::received::Client;
use crate::telemetry::span_builder::Known;
use opentelemetry::Context;
use std::borrow::Cow;

/// By which provider failures are logged: none.
#[derive(Clone, Default)]
pub(crate) struct Exceptions(());

impl Exceptions {
    #[inline]
    pub(crate) fn are_logged(&self) -> bool {
        false
    }

    #[inline]
    #[expect(
        clippy::extra_unused_type_parameters,
        reason = "with the feature, it is the scope of events"
    )]
    pub(crate) fn of<C: Client>(&self, _known: &Known<'_>) -> Reporter {
        Reporter(())
    }
}

/// What logs the failure of one operation: nothing.
#[derive(Default)]
pub(crate) struct Reporter(());

impl Reporter {
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        false
    }

    #[inline]
    pub(crate) fn report(
        &self,
        _context: &Context,
        _error_type: Cow<'static, str>,
        _description: String,
    ) {
    }
}
