//! Reading the context of a message, as far as its sender is believed.

use crate::carrier::headers::Carrier;
use crate::context::current::current_context;
use crate::context::derived::{empty_context, with_baggage_of};
use crate::instrumentation::settings::Settings;
use crate::message::destination::Destination;
use crate::message::endpoint::Endpoint;
use crate::message::received::{Client, Describe, Received};
use crate::operation::probe::has_resampler;
use crate::policy::trust::baggage_filter::BaggageFilter;
use crate::policy::trust::handled::Handled;
use crate::policy::trust::incoming::IncomingPolicy;
use crate::policy::trust::messages::Subject;
use crate::policy::trust::settings::{Decided, Trust};
use crate::policy::trust::warned::warn;
use crate::propagation::carried::{Carried, Left};
use crate::telemetry::resampling::{ids_of, marked};
use opentelemetry::baggage::BaggageExt as _;
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
        let carried = self.propagation.read(headers);
        match &self.trust {
            Some(trust) if carried.is_any() => {
                self.judge(trust, carried, message, headers, consumer)
            }
            _ => carried,
        }
    }

    #[inline(never)]
    fn judge<C, M: Received<C> + ?Sized>(
        &self,
        trust: &Arc<Trust>,
        carried: Carried,
        message: &M,
        headers: &M::Headers,
        consumer: Option<&Endpoint>,
    ) -> Carried {
        let destination = message.destination();
        let subject = Subject {
            system: system_of(trust, message),
            destination,
            queue: consumer.and_then(|it| it.queue.as_deref()),
        };
        let Decided {
            policy,
            is_by_queue,
        } = trust.decide(&subject, headers);
        let is_of_note = is_by_queue || !policy.continues() || !trust.incoming_baggage.is_all();
        let handled = is_of_note.then(|| Handled::new(&carried, destination, policy, trust));
        if policy == IncomingPolicy::ContinueAndWarn {
            warn_of(&carried, destination);
        }
        let mut left = self.left_of::<M::Client>(carried, policy, &trust.incoming_baggage);
        if let Some(handled) = handled {
            left.context = left.context.with_value(handled);
        }
        left
    }

    /// Reads what the headers of a message carry that is about to be sent on. If it is the one that is being
    /// handled here, what was decided then counts.
    pub(crate) fn read_to_relay<C, M, H>(
        &self,
        source: Destination<'_>,
        _message: &M,
        headers: &H,
    ) -> Carried
    where
        M: Describe<C> + ?Sized,
        H: Carrier<C> + ?Sized,
    {
        let carried = self.propagation.read(headers);
        if !carried.is_any() {
            return carried;
        }
        let (policy, trust) = if let Some(handled) = Handled::of_current(&carried, source) {
            (handled.policy, handled.trust)
        } else if let Some(trust) = &self.trust {
            let subject = Subject {
                system: M::Client::SYSTEM,
                destination: source.without_queue(),
                queue: None,
            };
            (trust.decide(&subject, headers).policy, trust.clone())
        } else {
            return carried;
        };
        self.left_of::<M::Client>(carried, policy, &trust.incoming_baggage)
    }

    /// What a policy leaves of what came.
    fn left_of<C: Client>(
        &self,
        mut carried: Carried,
        policy: IncomingPolicy,
        baggage: &BaggageFilter,
    ) -> Carried {
        if policy != IncomingPolicy::RestartWithoutLink
            && let Some(cut) = baggage.cut(&carried.context)
        {
            carried.context = cut;
            carried.left = Left::WithoutBaggage;
        }
        match policy {
            IncomingPolicy::Continue | IncomingPolicy::ContinueAndWarn => carried,
            IncomingPolicy::Resample if carried.has_sender() && has_resampler::<C>(self) => {
                carried.context = marked(&carried.context);
                carried.left = Left::Ids;
                carried
            }
            IncomingPolicy::Resample | IncomingPolicy::RestartWithLink => refused(carried, true),
            IncomingPolicy::RestartWithoutLink => refused(carried, false),
        }
    }
}

/// What is left of a sender who is not believed.
fn refused(carried: Carried, is_linked: bool) -> Carried {
    let mut senders = carried.senders.clone();
    if carried.has_sender() {
        senders.push(carried.sender());
    }
    let is_refused = !senders.is_empty() || carried.is_unread;
    let left = if is_refused {
        Left::Nothing
    } else {
        carried.left
    };
    if !is_linked {
        return Carried {
            is_unread: carried.is_unread,
            left: if carried.context.baggage().is_empty() {
                left
            } else {
                left.max(Left::WithoutBaggage)
            },
            ..Carried::nothing()
        };
    }
    Carried {
        context: with_baggage_of(&empty_context(), &carried.context),
        senders: senders.iter().map(ids_of).collect(),
        is_unread: carried.is_unread,
        left,
    }
}

/// The messaging system, which few messages have for themselves.
fn system_of<C, M: Describe<C> + ?Sized>(trust: &Trust, message: &M) -> &'static str {
    let own = if trust.looks_at_system() {
        message.message_info().system()
    } else {
        None
    };
    own.unwrap_or(M::Client::SYSTEM)
}

/// Warns if the trace really changes.
fn warn_of(carried: &Carried, destination: Destination<'_>) {
    if carried.has_sender() {
        let current = current_context();
        let trace_id = current.span().span_context().trace_id();
        if trace_id != carried.sender().trace_id() {
            warn(destination);
        }
    }
}
