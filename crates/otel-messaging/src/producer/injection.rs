//! What a message that goes out tells, by the policies.

use crate::carrier::headers::CarrierMut;
use crate::field::name::{BAGGAGE, FIELDS};
use crate::field::value::FieldValue;
use crate::instrumentation::settings::Settings;
use crate::loss::count::report;
use crate::message::received::{Client as _, Describe};
use crate::policy::trust::messages::Subject;
use crate::policy::trust::outgoing::OutgoingPolicy;
use crate::policy::trust::rules::About;
use crate::policy::trust::settings::Trust;
use crate::producer::dead_letter::DEAD_LETTER_TRACEPARENT;
use crate::producer::room::inject_within;
use crate::propagation::baggage;
use crate::propagation::carried::Left;
use opentelemetry::Context;
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use std::borrow::Cow;

/// The fields of other formats, which leave the house with a message that is sent on.
const OTHER_FIELDS: [&str; 19] = [
    DEAD_LETTER_TRACEPARENT,
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-origin",
    "x-datadog-tags",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "sw8",
    "sw8-correlation",
    "sw8-x",
    "sentry-trace",
];

/// What the policies say about one message that goes out.
#[derive(Debug, Default)]
pub(crate) enum Injection {
    /// It tells all.
    #[default]
    All,
    /// The rules that may be about it; its headers decide.
    ByRules(About),
    /// It is sent on.
    Relayed(Relayed),
}

/// What the policies say about a message that is sent on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relayed {
    policy: OutgoingPolicy,
    /// What is left of the context in its headers.
    left: Left,
}

impl Injection {
    /// Of a message that is sent.
    #[inline]
    pub(crate) fn of<C, M: Describe<C> + ?Sized>(by: &Settings, message: &M) -> Self {
        match &by.trust {
            Some(trust) if !trust.tells_all() => {
                Self::ByRules(trust.outgoing.about(&subject(message)))
            }
            _ => Self::All,
        }
    }

    /// Of a message that is sent on with these headers.
    pub(crate) fn of_relayed<C, M, H>(by: &Settings, message: &M, headers: &H, left: Left) -> Self
    where
        M: Describe<C> + ?Sized,
        H: CarrierMut<C>,
    {
        let trust = by.trust.as_ref().filter(|trust| !trust.tells_all());
        if trust.is_none() && left == Left::All {
            return Self::All;
        }
        let policy = trust.map_or(OutgoingPolicy::Inject, |trust| {
            trust.tells(&trust.outgoing.about(&subject(message)), headers)
        });
        Self::Relayed(Relayed { policy, left })
    }

    /// Whether a context that is kept can stay in the headers as it is.
    pub(crate) fn keeps_headers(&self, by: &Settings, kept: &Context) -> bool {
        match self {
            Self::All => true,
            Self::ByRules(_) => false,
            Self::Relayed(relayed) => {
                let trust = by.trust.as_ref();
                relayed.left == Left::All
                    && relayed.policy == OutgoingPolicy::Inject
                    && trust.is_none_or(|trust| trust.outgoing_baggage.cut(kept).is_none())
            }
        }
    }

    /// Removes what must not go out from the headers of a message that is sent on, before anything that may fail.
    pub(crate) fn clean<C, H: CarrierMut<C>>(&self, by: &Settings, headers: &mut H) {
        let Self::Relayed(relayed) = self else {
            return;
        };
        if relayed.policy == OutgoingPolicy::Suppress {
            suppress(by, headers, true);
        } else if relayed.left >= Left::Ids {
            suppress(by, headers, false);
            if relayed.left == Left::Nothing {
                headers.remove(&[DEAD_LETTER_TRACEPARENT]);
            }
        }
    }

    /// Writes what the message tells of `context`. Returns `false` if the message tells nothing.
    pub(crate) fn inject<C, H: CarrierMut<C> + Clone>(
        &self,
        by: &Settings,
        context: &Context,
        headers: &mut H,
        room: Option<usize>,
    ) -> bool {
        let trust = by.trust.as_deref();
        let (policy, left) = match (self, trust) {
            (Self::All, _) | (Self::ByRules(_), None) => (OutgoingPolicy::Inject, Left::All),
            (Self::ByRules(about), Some(trust)) => (trust.tells(about, headers), Left::All),
            (Self::Relayed(relayed), _) => (relayed.policy, relayed.left),
        };
        let is_relayed = matches!(self, Self::Relayed(_));
        if policy == OutgoingPolicy::Suppress {
            suppress(by, headers, is_relayed);
            return false;
        }
        if left >= Left::Ids {
            suppress(by, headers, false);
        }
        let merges = !is_relayed && trust.is_some_and(|trust| trust.merges_baggage);
        let theirs = if merges {
            Theirs::of(headers)
        } else {
            Theirs::default()
        };
        let told = told(trust, policy, context);
        if left != Left::All || matches!(told, Cow::Owned(_)) || has_filter(trust, policy) {
            // Also if nothing is written: telemetry is suppressed, say, or a propagator panics.
            headers.remove(&[BAGGAGE]);
        }
        if theirs.0.is_empty() {
            write(by, &told, headers, room);
        } else if told.baggage().is_empty() {
            let room = room.map(|room| room.saturating_sub(theirs.size(H::PER_HEADER)));
            write(by, &told, headers, room);
            theirs.put_back(headers);
        } else {
            write(by, &theirs.beside(&told), headers, room);
        }
        true
    }

    /// Removes what must not go out from the headers of a message that goes without its context. Returns whether
    /// the message was to tell nothing anyway.
    pub(crate) fn leave_out<C, H: CarrierMut<C>>(&self, by: &Settings, headers: &mut H) -> bool {
        let is_suppressed = match (self, by.trust.as_deref()) {
            (Self::ByRules(about), Some(trust)) => {
                trust.tells(about, headers) == OutgoingPolicy::Suppress
            }
            (Self::Relayed(relayed), _) => relayed.policy == OutgoingPolicy::Suppress,
            _ => false,
        };
        if is_suppressed {
            suppress(by, headers, matches!(self, Self::Relayed(_)));
        } else {
            self.clean(by, headers);
        }
        is_suppressed
    }
}

fn subject<C, M: Describe<C> + ?Sized>(message: &M) -> Subject<'_> {
    Subject {
        system: M::Client::SYSTEM,
        destination: message.destination(),
        queue: None,
    }
}

/// Whether some baggage must not go out.
fn has_filter(trust: Option<&Trust>, policy: OutgoingPolicy) -> bool {
    policy == OutgoingPolicy::TraceContextOnly
        || trust.is_some_and(|trust| !trust.outgoing_baggage.is_all())
}

/// What is told of a context.
fn told<'a>(
    trust: Option<&Trust>,
    policy: OutgoingPolicy,
    context: &'a Context,
) -> Cow<'a, Context> {
    if policy == OutgoingPolicy::TraceContextOnly && !context.baggage().is_empty() {
        return Cow::Owned(context.with_cleared_baggage());
    }
    let cut = trust.and_then(|trust| trust.outgoing_baggage.cut(context));
    cut.map_or(Cow::Borrowed(context), Cow::Owned)
}

pub(super) fn write<C, H: CarrierMut<C> + Clone>(
    by: &Settings,
    context: &Context,
    headers: &mut H,
    room: Option<usize>,
) {
    match room {
        Some(room) => inject_within(&by.propagation, context, headers, room),
        None => {
            by.propagation.inject_within(context, headers, usize::MAX);
        }
    }
}

/// Removes every context from the headers, also if the propagator does not say which fields it has. Of a message
/// that leaves the house, other formats too.
fn suppress<C, H: CarrierMut<C>>(by: &Settings, headers: &mut H, with_others: bool) {
    by.propagation.remove(headers);
    headers.remove(&FIELDS);
    if with_others {
        headers.remove(&OTHER_FIELDS);
    }
}

/// The `baggage` that the caller has put into the headers.
#[derive(Debug, Default)]
struct Theirs(Vec<String>);

impl Theirs {
    fn of<C, H: CarrierMut<C>>(headers: &H) -> Self {
        Self(headers.get_all(BAGGAGE).map(str::to_owned).collect())
    }

    /// What it takes in the headers, in bytes.
    fn size(&self, per_header: usize) -> usize {
        let size = |line: &String| BAGGAGE.len() + line.len() + per_header;
        self.0.iter().map(size).sum()
    }

    /// Our baggage and theirs in one context. Of a key that is in both, ours counts.
    fn beside(&self, ours: &Context) -> Context {
        let theirs = baggage::extract(Context::new(), self.0.iter().map(String::as_str));
        let own = ours.baggage();
        let more = theirs
            .baggage()
            .iter()
            .filter(|(key, _)| own.get(key.as_str()).is_none());
        let members = own.iter().chain(more).map(|(key, (value, metadata))| {
            KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
        });
        ours.with_baggage(members.collect::<Vec<_>>())
    }

    fn put_back<C, H: CarrierMut<C>>(self, headers: &mut H) {
        headers.remove(&[BAGGAGE]);
        for line in self.0 {
            if let Err(reason) = headers.add(BAGGAGE, FieldValue::from(&*line)) {
                report(1, reason);
            }
        }
    }
}
