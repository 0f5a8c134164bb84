//! Which baggage comes in, or goes out.

use crate::context::derived::with_members;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;

/// Which keys of baggage come in with a message, or go out with one. Names of baggage are case-sensitive (W3C
/// Baggage, "key").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum BaggageFilter {
    /// All.
    #[default]
    All,
    /// None.
    None,
    /// These keys alone.
    Keys(Vec<String>),
}

impl BaggageFilter {
    /// These keys alone.
    pub fn keys<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self::Keys(keys.into_iter().map(Into::into).collect())
    }

    pub(crate) fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// The context without the baggage that does not pass. `None` if all of it passes.
    pub(crate) fn cut(&self, context: &Context) -> Option<Context> {
        let keys = match self {
            Self::All => return None,
            Self::None => &[][..],
            Self::Keys(keys) => keys,
        };
        let passes = |key: &str| keys.iter().any(|it| it == key);
        let baggage = context.baggage();
        if baggage.iter().all(|(key, _)| passes(key.as_str())) {
            return None;
        }
        let passing = baggage.iter().filter(|(key, _)| passes(key.as_str()));
        Some(with_members(context, passing))
    }
}
