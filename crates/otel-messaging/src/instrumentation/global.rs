//! The instrumentation that the free functions use.

use crate::carrier::headers::{Carrier, CarrierMut};
use crate::instrumentation::settings::Instrumentation;
use opentelemetry::Context;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

static GLOBAL: OnceLock<Instrumentation> = OnceLock::new();
static DEFAULT: LazyLock<Instrumentation> = LazyLock::new(Instrumentation::default);

impl Instrumentation {
    /// The instrumentation that the free functions use: the one that was given to
    /// [`set_global`](Self::set_global), or the default. It is read without a lock.
    #[must_use]
    pub fn global() -> &'static Self {
        GLOBAL.get().unwrap_or_else(|| &DEFAULT)
    }

    /// The one that the application has set, or else the default; and whether it has set one.
    pub(crate) fn global_or_default() -> (&'static Self, bool) {
        match GLOBAL.get() {
            Some(global) => (global, true),
            None => (&DEFAULT, false),
        }
    }

    /// Makes this the instrumentation that the free functions use. A program can set it once, because a
    /// value that is set once is read without a lock. (`tracing` has the same rule for its global
    /// subscriber.)
    ///
    /// # Errors
    ///
    /// If another one was set before. The first one then stays.
    pub fn set_global(self) -> Result<(), SetGlobalError> {
        GLOBAL
            .set(self)
            .map_err(|_| SetGlobalError { _private: () })
    }
}

/// The global instrumentation was already set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetGlobalError {
    _private: (),
}

impl fmt::Display for SetGlobalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the global instrumentation of otel-messaging is already set, and was not changed",
        )
    }
}

impl std::error::Error for SetGlobalError {}

/// Writes `context` into the headers of a message, with the global [`Instrumentation`]; see
/// [`Instrumentation::inject`].
///
/// ```
/// use opentelemetry::Context;
/// use std::collections::BTreeMap;
///
/// let mut headers = BTreeMap::from([("order".to_owned(), "7".to_owned())]);
/// otel_messaging::inject(&Context::current(), &mut headers);
/// assert_eq!(headers["order"], "7");
/// ```
pub fn inject<C, H: CarrierMut<C> + ?Sized>(context: &Context, headers: &mut H) {
    Instrumentation::global().inject(context, headers);
}

/// Reads the context that a message carries, with the global [`Instrumentation`]; see
/// [`Instrumentation::extract`].
///
/// ```
/// use opentelemetry::trace::TraceContextExt;
/// use std::collections::BTreeMap;
///
/// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let headers = BTreeMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
/// let context = otel_messaging::extract(&headers);
/// assert!(context.span().span_context().is_remote());
/// ```
#[must_use]
pub fn extract<C, H: Carrier<C> + ?Sized>(headers: &H) -> Context {
    Instrumentation::global().extract(headers)
}
