//! Reading the context of a message, as far as its sender is believed.

use crate::carrier::headers::Carrier;
use crate::context::derived::{empty_context, with_baggage_of};
use crate::instrumentation::settings::Settings;
use crate::message::destination::Destination;
use crate::message::endpoint::Endpoint;
use crate::message::received::{Client, Describe, Received};
use crate::operation::probe::has_resampler;
use crate::policy::trust::baggage_filter::BaggageFilter;
use crate::policy::trust::handled::{Handled, with_handled};
use crate::policy::trust::incoming::IncomingPolicy;
use crate::policy::trust::messages::Subject;
use crate::policy::trust::rules::Decided;
use crate::policy::trust::settings::{Trust, say_unknown};
use crate::policy::trust::warned::warn;
use crate::propagation::carried::{Carried, Left};
use crate::telemetry::resampling::{ids_of, marked};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use std::sync::Arc;

impl Settings {
    /// Reads what a message carries, and leaves what the policies leave of it.
    #[inline]
    pub(crate) fn read<C, M>(&self, message: &M, consumer: Option<&Endpoint>) -> Carried
    where
        M: Received<C> + ?Sized,
    {
        let Some(headers) = message.message_headers() else {
            return Carried::nothing();
        };
        // First, so that what is read does not move for a sender who is believed.
        let trust = self.trust.as_ref();
        let decided = trust.and_then(|trust| decide(trust, message, headers, consumer));
        match (trust, decided) {
            (Some(trust), Some(decided)) => self.read_by(trust, decided, message, headers),
            _ => self.propagation.read(headers),
        }
    }

    #[inline(never)]
    fn read_by<C, M: Received<C> + ?Sized>(
        &self,
        trust: &Arc<Trust>,
        decided: Decided<IncomingPolicy>,
        message: &M,
        headers: &M::Headers,
    ) -> Carried {
        let mut carried = self.propagation.read(headers);
        let policy = decided.policy;
        if policy == IncomingPolicy::RestartWithLink && policy == trust.otherwise {
            say_unknown();
        }
        if trust.leaves_all(&decided) {
            carried.is_warned = policy == IncomingPolicy::ContinueAndWarn;
            return carried;
        }
        // Also if nothing was read: the message may have a context in a format that this propagator does not know.
        let handled = Handled::new(&carried, message.destination(), policy, trust);
        let mut left = self.left_of::<M::Client>(carried, policy, [&trust.incoming_baggage]);
        left.context = with_handled(&left.context, [handled]);
        left
    }

    /// Reads what the headers of a message carry that is about to be sent on. If it is being handled here, what was
    /// decided then counts, and the rules of this instrumentation if they are others and stricter.
    pub(crate) fn read_to_relay<K, C, H>(&self, source: Destination<'_>, headers: &H) -> Carried
    where
        K: Client,
        H: Carrier<C> + ?Sized,
    {
        let carried = self.propagation.read(headers);
        let own = self.trust.as_ref().map(|trust| {
            let subject = Subject {
                system: K::SYSTEM,
                destination: &source.without_queue(),
                queue: None,
            };
            (trust, trust.decide(&subject, headers).policy)
        });
        let handled = Handled::of_current(&carried, source);
        let policy = match (&handled, &own) {
            (None, None) => return carried,
            (Some(handled), None) => handled.policy,
            (None, Some((_, policy))) => *policy,
            // This instrumentation has handled it, and knew the queue.
            (Some(handled), Some((trust, _)))
                if Arc::ptr_eq(&handled.trust, trust) && handled.policy.continues() =>
            {
                handled.policy
            }
            (Some(handled), Some((_, policy))) => handled.policy.max(*policy),
        };
        let of_handling = handled.iter().map(|handled| &handled.trust);
        let trusts = of_handling.chain(own.iter().map(|(trust, _)| *trust));
        let filters = trusts.map(|trust| &trust.incoming_baggage);
        self.left_of::<K>(carried, policy, filters)
    }

    /// What a policy and filters leave of what came.
    fn left_of<'f, K: Client>(
        &self,
        mut carried: Carried,
        policy: IncomingPolicy,
        filters: impl IntoIterator<Item = &'f BaggageFilter>,
    ) -> Carried {
        for filter in filters {
            // Also if nothing was read that it cuts: the header may have more than a reader reads.
            if !filter.is_all() {
                carried.left = Left::WithoutBaggage;
            }
            if let Some(cut) = filter.cut(&carried.context) {
                carried.context = cut;
            }
        }
        carried.is_warned = policy == IncomingPolicy::ContinueAndWarn;
        match policy {
            IncomingPolicy::Continue | IncomingPolicy::ContinueAndWarn => carried,
            IncomingPolicy::Resample if carried.has_sender() && has_resampler::<K>(self) => {
                carried.context = marked(&carried.context);
                carried.left = Left::Ids;
                carried
            }
            IncomingPolicy::Resample | IncomingPolicy::RestartWithLink => {
                let baggage = with_baggage_of(&empty_context(), &carried.context);
                refused(carried, baggage, true)
            }
            IncomingPolicy::RestartWithoutLink => refused(carried, empty_context(), false),
        }
    }
}

/// Warns if a message continues another trace than the current one, and its policy says so.
#[inline]
pub(crate) fn warn_of<C, M>(carried: &Carried, message: &M, current: &Context)
where
    M: Describe<C> + ?Sized,
{
    if carried.is_warned && carried.has_sender() {
        let trace_id = current.span().span_context().trace_id();
        if trace_id != carried.sender().trace_id() {
            warn(message.destination());
        }
    }
}

/// What the rules say about a message. `None` if its context counts as it comes.
#[inline(never)]
fn decide<C, M: Received<C> + ?Sized>(
    trust: &Trust,
    message: &M,
    headers: &M::Headers,
    consumer: Option<&Endpoint>,
) -> Option<Decided<IncomingPolicy>> {
    let destination = message.destination();
    let consumer = consumer.filter(|_| trust.incoming.look_at_queue);
    let subject = Subject {
        system: system_of(trust, message),
        destination: &destination,
        queue: consumer.and_then(|it| it.queue.as_deref()),
    };
    let decided = trust.decide(&subject, headers);
    let is_plain = decided.policy == IncomingPolicy::Continue && trust.leaves_all(&decided);
    (!is_plain).then_some(decided)
}

/// What is left of a sender who is not believed.
fn refused(carried: Carried, context: Context, is_linked: bool) -> Carried {
    let sender = carried.has_sender().then(|| carried.sender());
    let is_refused = sender.is_some() || carried.is_unread || !carried.senders.is_empty();
    let senders = carried.senders.iter().chain(&sender);
    Carried {
        context,
        senders: if is_linked {
            senders.map(ids_of).collect()
        } else {
            Vec::new()
        },
        is_unread: carried.is_unread,
        left: Left::Nothing,
        is_refused,
        is_warned: false,
    }
}

/// The messaging system, which few messages have for themselves.
fn system_of<C, M: Describe<C> + ?Sized>(trust: &Trust, message: &M) -> &'static str {
    let own = if trust.incoming.look_at_system {
        message.message_info().system()
    } else {
        None
    };
    own.unwrap_or(M::Client::SYSTEM)
}
