//! The rules and filters of one instrumentation, put together.

use crate::carrier::headers::Carrier;
use crate::loss::count::log;
use crate::loss::finding::Finding;
use crate::loss::log::warn_line;
use crate::policy::trust::baggage_filter::BaggageFilter;
use crate::policy::trust::incoming::{IncomingPolicy, UnknownPolicy};
use crate::policy::trust::messages::{Messages, Subject};
use crate::policy::trust::outgoing::OutgoingPolicy;
use crate::policy::trust::rules::{About, Decided, Rules};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which senders an instrumentation believes, and what its messages carry. An instrumentation without it believes
/// all senders, and its messages carry their whole context, at no cost.
#[derive(Debug, Clone)]
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

impl Default for Trust {
    fn default() -> Self {
        Self {
            incoming: Rules::incoming(),
            otherwise: IncomingPolicy::default(),
            incoming_baggage: BaggageFilter::default(),
            outgoing: Rules::outgoing(),
            outgoing_at_least: OutgoingPolicy::default(),
            outgoing_baggage: BaggageFilter::default(),
            merges_baggage: false,
        }
    }
}

/// What the environment says about the messages that no rule is about. It is read once.
static ENVIRONMENT: LazyLock<Result<Option<IncomingPolicy>, UnknownPolicy>> =
    LazyLock::new(IncomingPolicy::from_env);

/// The policy of the environment, if it has one. An unknown value is no reason to believe anybody.
pub(crate) fn environment() -> Option<IncomingPolicy> {
    match &*ENVIRONMENT {
        Ok(policy) => *policy,
        Err(_) => Some(IncomingPolicy::RestartWithLink),
    }
}

/// Says once that the environment has an unknown value. Not when it is read: a subscriber may come later, and one
/// that itself sends messages would come back here.
#[cold]
pub(crate) fn say_unknown() {
    static IS_SAID: AtomicBool = AtomicBool::new(false);
    if let Err(error) = &*ENVIRONMENT
        && !IS_SAID.swap(true, Ordering::Relaxed)
    {
        log(|| {
            warn_line!(
                name: "OtelMessaging.UnknownPolicy",
                message = "the environment has an unknown policy, so messages are handled in traces of their own, \
                           with a link to the sender's span",
                reason = error.to_string()
            );
        });
    }
}

impl Trust {
    /// What becomes of the context of a message with these headers.
    #[inline(always)]
    pub(crate) fn decide<C, H: Carrier<C> + ?Sized>(
        &self,
        subject: &Subject<'_>,
        headers: &H,
    ) -> Decided<IncomingPolicy> {
        self.incoming.decide(subject, headers, self.otherwise)
    }

    /// Whether a message counts as it comes, and a producer of other rules would decide the same.
    #[inline]
    pub(crate) fn leaves_all(&self, decided: &Decided<IncomingPolicy>) -> bool {
        decided.policy.continues() && !decided.is_by_queue && self.incoming_baggage.is_all()
    }

    /// What a message that goes out tells, which these rules are about.
    #[inline]
    pub(crate) fn tells<C, H: Carrier<C> + ?Sized>(
        &self,
        about: &About,
        headers: &H,
    ) -> OutgoingPolicy {
        let inject = OutgoingPolicy::Inject;
        let decided = self.outgoing.decide_later(about, headers, inject);
        decided.policy.max(self.outgoing_at_least)
    }

    /// The rules that decide by its headers what a message carries. `None` if it carries its whole context.
    #[inline]
    pub(crate) fn holds_back(&self, subject: &Subject<'_>) -> Option<About> {
        let inject = Some(OutgoingPolicy::Inject);
        self.outgoing.with_about(subject, |about| {
            let tells_all = self.changes_nothing() && self.outgoing.of_any_headers(about) == inject;
            (!tells_all).then(|| about.clone())
        })
    }

    /// Whether nothing but rules says what goes out.
    #[inline]
    fn changes_nothing(&self) -> bool {
        self.outgoing_at_least == OutgoingPolicy::Inject
            && self.outgoing_baggage.is_all()
            && !self.merges_baggage
    }

    /// Whether some baggage must not go out.
    pub(crate) fn holds_baggage_back(&self) -> bool {
        !self.outgoing_baggage.is_all()
    }

    /// Whether every message that goes out carries its whole context, so that no rule has to be looked up.
    #[inline]
    pub(crate) fn tells_all(&self) -> bool {
        self.outgoing.is_empty() && self.changes_nothing()
    }

    /// Whether any message is to be sampled anew.
    pub(crate) fn resamples(&self) -> bool {
        let resample = IncomingPolicy::Resample;
        self.otherwise == resample || self.incoming.has(resample)
    }

    /// What the self-check says about the rules.
    pub(crate) fn findings(&self) -> impl Iterator<Item = Finding> {
        let messages = self.incoming.messages().chain(self.outgoing.messages());
        let names: Vec<String> = messages
            .filter_map(Messages::wildcard)
            .map(ToOwned::to_owned)
            .collect();
        let wildcards = (!names.is_empty()).then_some(Finding::BrokerWildcards { names });
        let error = ENVIRONMENT.as_ref().err().map(ToString::to_string);
        let unknown = error.map(|error| Finding::UnknownPolicy { error });
        wildcards.into_iter().chain(unknown)
    }
}
