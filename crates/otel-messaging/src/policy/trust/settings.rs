//! The rules and filters of one instrumentation, put together.

use crate::carrier::headers::Carrier;
use crate::loss::count::log;
use crate::loss::finding::Finding;
use crate::loss::log::warn_line;
use crate::policy::trust::baggage_filter::BaggageFilter;
use crate::policy::trust::incoming::IncomingPolicy;
use crate::policy::trust::messages::{Messages, Subject};
use crate::policy::trust::outgoing::OutgoingPolicy;
use crate::policy::trust::rules::{About, Rules};
use std::sync::LazyLock;

/// Whom an instrumentation believes, and what it tells. An instrumentation without it believes all and tells
/// all, at no cost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    pub(crate) incoming: Rules<IncomingPolicy>,
    /// For the messages that no rule is about.
    pub(crate) otherwise: IncomingPolicy,
    pub(crate) incoming_baggage: BaggageFilter,
    pub(crate) outgoing: Rules<OutgoingPolicy>,
    /// What the rules may make stricter, and not looser.
    pub(crate) outgoing_at_least: OutgoingPolicy,
    pub(crate) outgoing_baggage: BaggageFilter,
    /// Whether a `baggage` of the caller's stands beside ours.
    pub(crate) merges_baggage: bool,
}

/// What the environment says about the messages that no rule is about. It is read once.
static ENVIRONMENT: LazyLock<Option<IncomingPolicy>> = LazyLock::new(|| {
    IncomingPolicy::from_env().unwrap_or_else(|error| {
        log(|| {
            warn_line!(
                name: "OtelMessaging.UnknownPolicy",
                message = "the environment has no such policy; messages that come in are handled in traces of \
                           their own, with a link to the sender's span",
                reason = error.to_string()
            );
        });
        Some(IncomingPolicy::RestartWithLink)
    })
});

/// The policy of the environment, if it has one.
pub(crate) fn environment() -> Option<IncomingPolicy> {
    *ENVIRONMENT
}

/// What a rule says about one message that came in.
pub(crate) struct Decided {
    pub(crate) policy: IncomingPolicy,
    /// The rule names the consumer's queue, which others do not know who send the message on.
    pub(crate) is_by_queue: bool,
}

impl Trust {
    /// What becomes of the context of a message with these headers.
    #[inline]
    pub(crate) fn decide<C, H: Carrier<C> + ?Sized>(
        &self,
        subject: &Subject<'_>,
        headers: &H,
    ) -> Decided {
        match self.incoming.find(subject, headers) {
            Some((messages, policy)) => Decided {
                policy,
                is_by_queue: messages.has_queue(),
            },
            None => Decided {
                policy: self.otherwise,
                is_by_queue: false,
            },
        }
    }

    /// What a message that goes out tells, which these rules are about.
    #[inline]
    pub(crate) fn tells<C, H: Carrier<C> + ?Sized>(
        &self,
        about: &About,
        headers: &H,
    ) -> OutgoingPolicy {
        let found = self.outgoing.first(about, headers);
        let policy = found.map_or(OutgoingPolicy::Inject, |(_, policy)| policy);
        policy.max(self.outgoing_at_least)
    }

    /// Whether every message that goes out tells all, and nothing has to be looked up.
    #[inline]
    pub(crate) fn tells_all(&self) -> bool {
        self.outgoing.is_empty()
            && self.outgoing_at_least == OutgoingPolicy::Inject
            && self.outgoing_baggage.is_all()
            && !self.merges_baggage
    }

    /// Whether any message is to be sampled anew.
    pub(crate) fn resamples(&self) -> bool {
        let resample = IncomingPolicy::Resample;
        self.otherwise == resample || self.incoming.any(|_, policy| policy == resample)
    }

    /// Whether a rule looks at the system, which is then asked for.
    pub(crate) fn looks_at_system(&self) -> bool {
        self.incoming.any(|messages, _| messages.has_system())
    }

    /// What the self-check says about the rules.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let messages = self.incoming.messages().chain(self.outgoing.messages());
        let names: Vec<String> = messages
            .filter_map(Messages::wildcard)
            .map(ToOwned::to_owned)
            .collect();
        (!names.is_empty()).then_some(Finding::BrokerWildcards { names })
    }
}
