//! What the page "Trust" says of one message.

use crate::house::{House, LISTED, Lets};
use crate::message::{Claim, Hostile, Kind};
use crate::policy::believes;
use otel_messaging::trust::IncomingPolicy;

/// What is expected of the handling of one message.
pub(crate) struct Expected<'a> {
    /// The sender counts as it came.
    pub(crate) is_believed: bool,
    /// Whose child the handling is.
    pub(crate) parent: Option<&'a Claim>,
    pub(crate) is_sampled: bool,
    /// Those who claim to have sent it.
    pub(crate) claims: &'a [Claim],
    pub(crate) links: &'a [Claim],
    /// The policy leaves nothing of a sender.
    pub(crate) is_refused: bool,
    pub(crate) state: Option<&'a str>,
    pub(crate) baggage: Vec<&'a (String, String)>,
    pub(crate) has_secret: bool,
}

impl<'a> Expected<'a> {
    pub(crate) fn of(message: &'a Hostile, policy: IncomingPolicy, house: &House) -> Self {
        let policy = if policy == IncomingPolicy::Resample && !house.has_resampler {
            IncomingPolicy::RestartWithLink
        } else {
            policy
        };
        let is_believed = believes(policy);
        let ignores = policy == IncomingPolicy::RestartWithoutLink;
        let sender = match &message.claims[..] {
            [only] => Some(only),
            _ => None,
        };
        let is_continued = is_believed || policy == IncomingPolicy::Resample;
        let parent = sender.filter(|_| is_continued);
        let passes = |key: &str| match house.lets {
            Lets::All => true,
            Lets::Listed => key == LISTED,
            Lets::None => false,
        };
        let baggage = message.baggage.iter().filter(|(key, _)| passes(key));
        Self {
            is_believed: is_believed && sender.is_some(),
            parent,
            is_sampled: match parent {
                Some(claim) if is_believed => claim.is_sampled,
                _ => house.samples_roots,
            },
            claims: &message.claims,
            links: if ignores { &[] } else { &message.claims },
            is_refused: !message.claims.is_empty() && parent.is_none() && !is_believed,
            state: message.state.as_deref().filter(|_| is_believed),
            baggage: baggage.filter(|_| !ignores).collect(),
            has_secret: message.kind == Kind::Secret,
        }
    }
}
