//! What becomes of the trace context of a message that comes in.

use std::env;
use std::fmt;
use std::str::FromStr;

/// The environment variable that [`IncomingPolicy::from_env`] reads.
const VARIABLE: &str = "OTEL_MESSAGING_INCOMING";

/// What becomes of the trace context of a message that comes in. It is decided before the sampler is asked.
///
/// `CONTINUE`, `RESTART_WITH_LINK` and `RESTART_WITHOUT_LINK` are the words of OpenTelemetry's proposal 5055.
/// [The page "Trust"](crate::trust) has a table of what each policy makes of each message. The greater of two
/// policies is the stricter one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum IncomingPolicy {
    /// The handling is in the sender's trace. The sender's flag, tracestate and baggage count.
    #[default]
    Continue,
    /// As [`Continue`](Self::Continue). The log warns once per destination, of at most 64 destinations, if a
    /// message continues another trace than the one that is current at the call. It is the default of
    /// [`Instrumentation::third_party`](crate::Instrumentation::third_party).
    ContinueAndWarn,
    /// The handling is in the sender's trace. The sampler decides as for a root: the sender's flag does not
    /// count, and the tracestate is dropped.
    ///
    /// It needs the `Resampler` of the feature `sdk` in the tracer provider. Without it,
    /// [`RestartWithLink`](Self::RestartWithLink) applies, and [`self_check`](crate::self_check) says so.
    /// A ratio sampler looks at the trace id, which the sender has chosen. So the sender can still make its
    /// messages more likely to be sampled.
    Resample,
    /// The handling is in a trace of its own, with a link to the sender's span. The link has the two ids and
    /// nothing else. Baggage counts as far as the
    /// [filter](crate::instrumentation::Builder::with_incoming_baggage) lets it pass.
    RestartWithLink,
    /// The handling is in a trace of its own. Nothing of the context counts, baggage included.
    RestartWithoutLink,
}

/// The values of the environment, and what they mean.
const VALUES: [(&str, IncomingPolicy); 5] = [
    ("continue", IncomingPolicy::Continue),
    ("warn", IncomingPolicy::ContinueAndWarn),
    ("resample", IncomingPolicy::Resample),
    ("restart", IncomingPolicy::RestartWithLink),
    ("ignore", IncomingPolicy::RestartWithoutLink),
];

impl IncomingPolicy {
    /// Reads the policy from the environment variable `OTEL_MESSAGING_INCOMING`: `continue`, `warn`,
    /// `resample`, `restart` (with a link) or `ignore` (restart without a link), in any case. `None` if the
    /// variable is not set, or empty.
    ///
    /// Every [`Instrumentation`](crate::Instrumentation) reads the variable by itself, for the messages that
    /// no rule of its own is about. If the value is unknown, the log says so when the first message comes, and
    /// [`RestartWithLink`](Self::RestartWithLink) applies. Call this function when the program starts, to end
    /// it with an error instead.
    ///
    /// # Errors
    ///
    /// If the value is unknown. The error lists the values.
    pub fn from_env() -> Result<Option<Self>, UnknownPolicy> {
        match env::var_os(VARIABLE) {
            Some(value) if !value.to_string_lossy().trim().is_empty() => {
                value.to_string_lossy().parse().map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Whether the ids, the flag and the tracestate of the sender count as they came.
    pub(crate) fn continues(self) -> bool {
        matches!(self, Self::Continue | Self::ContinueAndWarn)
    }
}

impl FromStr for IncomingPolicy {
    type Err = UnknownPolicy;

    fn from_str(value: &str) -> Result<Self, UnknownPolicy> {
        let is_it = |(word, _): &&(&str, Self)| word.eq_ignore_ascii_case(value.trim());
        let found = VALUES.iter().find(is_it);
        found
            .map(|(_, policy)| *policy)
            .ok_or_else(|| UnknownPolicy {
                value: value.to_owned(),
            })
    }
}

/// A text that is not the name of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPolicy {
    value: String,
}

impl fmt::Display for UnknownPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first @ .., last] = VALUES.map(|(word, _)| word);
        let (value, others) = (&self.value, first.join(", "));
        write!(
            f,
            "{value:?} is not a policy for incoming messages ({VARIABLE}): use {others} or {last}"
        )
    }
}

impl std::error::Error for UnknownPolicy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_environment_are_policies() {
        for (word, policy) in VALUES {
            assert_eq!(word.parse(), Ok(policy));
            assert_eq!(format!(" {} ", word.to_uppercase()).parse(), Ok(policy));
        }
        let error = "open".parse::<IncomingPolicy>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"open\" is not a policy for incoming messages (OTEL_MESSAGING_INCOMING): use continue, \
             warn, resample, restart or ignore"
        );
    }
}
