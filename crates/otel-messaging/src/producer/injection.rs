//! What a message that goes out tells, by the policies.

use crate::carrier::headers::CarrierMut;
use crate::context::derived::with_members;
use crate::field::name::{BAGGAGE, FIELDS};
use crate::field::value::FieldValue;
use crate::instrumentation::settings::Settings;
use crate::loss::count::report;
use crate::message::destination::Destination;
use crate::message::received::{Client, Describe};
use crate::policy::trust::messages::Subject;
use crate::policy::trust::outgoing::OutgoingPolicy;
use crate::policy::trust::rules::About;
use crate::policy::trust::settings::Trust;
use crate::producer::dead_letter::DEAD_LETTER_TRACEPARENT;
use crate::producer::room::inject_within;
use crate::propagation::baggage;
use crate::propagation::carried::Left;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use std::borrow::Cow;

/// The fields of other formats. A message without a context must not have these either.
const OTHER_FIELDS: [&str; 25] = [
    DEAD_LETTER_TRACEPARENT,
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    "jaeger-debug-id",
    "jaeger-baggage",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-origin",
    "x-datadog-tags",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "grpc-trace-bin",
    "ot-tracer-traceid",
    "ot-tracer-spanid",
    "ot-tracer-sampled",
    "sw8",
    "sw8-correlation",
    "sw8-x",
    "sentry-trace",
];

/// What the policies say about one message that goes out, if it may not carry its whole context.
#[derive(Debug)]
pub(crate) enum Injection {
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
    /// Whether a context that is kept can stay in the headers as it is.
    keeps_headers: bool,
}

impl Injection {
    /// For a message that is sent. `None` if it carries its whole context.
    #[inline]
    pub(crate) fn of<C, M>(by: &Settings, message: &M) -> Option<Box<Self>>
    where
        M: Describe<C> + ?Sized,
    {
        let trust = by.trust.as_ref().filter(|trust| !trust.tells_all())?;
        let destination = &message.destination();
        let about = trust.holds_back(&subject::<M::Client>(destination))?;
        Some(Box::new(Self::ByRules(about)))
    }

    /// For a message that is sent on with these headers. `None` if it carries its whole context.
    pub(crate) fn of_relayed<C, M, H>(
        by: &Settings,
        message: &M,
        headers: &H,
        left: Left,
    ) -> Option<Box<Self>>
    where
        M: Describe<C> + ?Sized,
        H: CarrierMut<C>,
    {
        let trust = by.trust.as_ref().filter(|trust| !trust.tells_all());
        if trust.is_none() && left == Left::All {
            return None;
        }
        let policy = trust.map_or(OutgoingPolicy::Inject, |trust| {
            let destination = &message.destination();
            let subject = subject::<M::Client>(destination);
            let tells = |about: &About| trust.tells(about, headers);
            trust.outgoing.with_about(&subject, tells)
        });
        let trust = by.trust.as_deref();
        let keeps_headers = !cuts_baggage(trust, policy, left);
        Some(Box::new(Self::Relayed(Relayed {
            policy,
            left,
            keeps_headers,
        })))
    }

    /// Whether a context that is kept can stay in the headers as it is.
    pub(crate) fn keeps_headers(&self) -> bool {
        matches!(self, Self::Relayed(relayed) if relayed.keeps_headers)
    }

    /// Removes what must not go out from the headers of a message that is sent on.
    pub(crate) fn clean<C, H: CarrierMut<C>>(&self, by: &Settings, headers: &mut H) {
        if let Self::Relayed(Relayed { policy, left, .. }) = self
            && (*policy == OutgoingPolicy::Suppress || *left >= Left::Ids)
        {
            suppress(by, headers);
        }
    }

    /// Writes into the headers what the message may carry of `context`.
    pub(crate) fn inject<C, H: CarrierMut<C> + Clone>(
        &self,
        by: &Settings,
        context: &Context,
        headers: &mut H,
        room: Option<usize>,
    ) {
        let trust = by.trust.as_deref();
        let (policy, left) = self.policy(trust, headers);
        if policy == OutgoingPolicy::Suppress {
            return suppress(by, headers);
        }
        let merges = matches!(self, Self::ByRules(_))
            && policy == OutgoingPolicy::Inject
            && trust.is_some_and(|trust| trust.merges_baggage);
        if merges && let Some(theirs) = Theirs::of(headers) {
            return theirs.inject(by, context, headers, room);
        }
        if cuts_baggage(trust, policy, left) {
            // Also if nothing is written: telemetry is suppressed, say, or a propagator panics.
            headers.remove(&[BAGGAGE]);
        }
        write(by, &told(trust, policy, context), headers, room);
    }

    /// Removes what must not go out from the headers of a message that goes without its context. Returns whether
    /// the message was to tell nothing anyway.
    pub(crate) fn leave_out<C, H: CarrierMut<C>>(&self, by: &Settings, headers: &mut H) -> bool {
        let trust = by.trust.as_deref();
        let (policy, left) = self.policy(trust, headers);
        let is_suppressed = policy == OutgoingPolicy::Suppress;
        if is_suppressed || left >= Left::Ids {
            suppress(by, headers);
        } else if cuts_baggage(trust, policy, left) {
            headers.remove(&[BAGGAGE]);
        }
        is_suppressed
    }

    fn policy<C, H: CarrierMut<C>>(
        &self,
        trust: Option<&Trust>,
        headers: &H,
    ) -> (OutgoingPolicy, Left) {
        match (self, trust) {
            (Self::Relayed(Relayed { policy, left, .. }), _) => (*policy, *left),
            (Self::ByRules(about), Some(trust)) => (trust.tells(about, headers), Left::All),
            (Self::ByRules(_), None) => (OutgoingPolicy::Inject, Left::All),
        }
    }
}

fn subject<'a, K: Client>(destination: &'a Destination<'a>) -> Subject<'a> {
    Subject {
        system: K::SYSTEM,
        destination,
        queue: None,
    }
}

/// Whether some of the baggage in the headers must not go out.
fn cuts_baggage(trust: Option<&Trust>, policy: OutgoingPolicy, left: Left) -> bool {
    left != Left::All
        || policy != OutgoingPolicy::Inject
        || trust.is_some_and(Trust::holds_baggage_back)
}

/// What is told of a context.
fn told<'a>(
    trust: Option<&Trust>,
    policy: OutgoingPolicy,
    context: &'a Context,
) -> Cow<'a, Context> {
    if policy != OutgoingPolicy::Inject {
        return Cow::Owned(context.with_cleared_baggage());
    }
    let cut = trust.and_then(|trust| trust.outgoing_baggage.cut(context));
    cut.map_or(Cow::Borrowed(context), Cow::Owned)
}

#[inline]
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

/// Removes every context from the headers, also if the propagator does not say which fields it has.
fn suppress<C, H: CarrierMut<C>>(by: &Settings, headers: &mut H) {
    by.propagation.remove(headers);
    headers.remove(&FIELDS);
    headers.remove(&OTHER_FIELDS);
}

/// The `baggage` that the caller has put into the headers.
struct Theirs(Vec<String>);

impl Theirs {
    /// `None` if there is none.
    fn of<C, H: CarrierMut<C>>(headers: &H) -> Option<Self> {
        let lines: Vec<String> = headers.get_all(BAGGAGE).map(str::to_owned).collect();
        (!lines.is_empty()).then_some(Self(lines))
    }

    /// Writes a context with our baggage and theirs.
    fn inject<C, H: CarrierMut<C> + Clone>(
        self,
        by: &Settings,
        context: &Context,
        headers: &mut H,
        room: Option<usize>,
    ) {
        let trust = by.trust.as_deref();
        let is_all = !trust.is_some_and(Trust::holds_baggage_back);
        if is_all && context.baggage().is_empty() {
            // As it is: what we would read of it may be less.
            let room = room.map(|room| room.saturating_sub(self.size(H::PER_HEADER)));
            write(by, context, headers, room);
            if !context.is_telemetry_suppressed() {
                self.put_back(headers);
            }
            return;
        }
        if !is_all {
            headers.remove(&[BAGGAGE]);
        }
        let both = self.beside(context);
        write(
            by,
            &told(trust, OutgoingPolicy::Inject, &both),
            headers,
            room,
        );
    }

    /// What it takes in the headers, in bytes.
    fn size(&self, per_header: usize) -> usize {
        let size = |line: &String| BAGGAGE.len() + line.len() + per_header;
        self.0.iter().map(size).sum()
    }

    /// Our baggage and theirs in one context. If a key is in both, ours counts.
    fn beside(&self, ours: &Context) -> Context {
        let theirs = baggage::extract(Context::new(), self.0.iter().map(String::as_str));
        let own = ours.baggage();
        let more = theirs.baggage().iter();
        let more = more.filter(|(key, _)| own.get(key.as_str()).is_none());
        with_members(ours, own.iter().chain(more))
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
