//! Settings of trust: which senders are believed, and what messages carry.

use crate::instrumentation::builder::Builder;
use crate::instrumentation::settings::{Instrumentation, Settings};
use crate::policy::trust::baggage_filter::BaggageFilter;
use crate::policy::trust::incoming::IncomingPolicy;
use crate::policy::trust::messages::Messages;
use crate::policy::trust::outgoing::OutgoingPolicy;
use crate::policy::trust::settings::{Trust, environment};
use std::sync::{Arc, OnceLock};

impl Builder {
    /// Adds a rule: what becomes of the trace context of these messages when they come in. Rules are asked in the
    /// order in which they were added, and the first one that fits counts. For messages that no rule is about, the
    /// environment variable `OTEL_MESSAGING_INCOMING` says what applies, and if it is not set,
    /// [`IncomingPolicy::Continue`] applies.
    ///
    /// The rules are about messages that are handled, received, [joined](crate::producer::Join) or sent on.
    /// [`extract`](crate::extract) and stored contexts ([`ContextCarrier`](crate::ContextCarrier)) are read as they
    /// are. [The page "Trust"](crate::trust) has a table of what each policy makes of each message.
    ///
    /// ```
    /// use otel_messaging::Instrumentation;
    /// use otel_messaging::trust::{IncomingPolicy, Messages};
    ///
    /// let instrumentation = Instrumentation::builder()
    ///     .with_incoming(Messages::to_prefix("internal."), IncomingPolicy::Continue)
    ///     .with_incoming(Messages::all(), IncomingPolicy::RestartWithLink)
    ///     .build();
    /// # let _ = instrumentation;
    /// ```
    pub fn with_incoming(mut self, messages: Messages, policy: IncomingPolicy) -> Self {
        self.trust().incoming.add(messages, policy);
        self
    }

    /// Sets which baggage of incoming messages counts. The default is all of it.
    pub fn with_incoming_baggage(mut self, filter: BaggageFilter) -> Self {
        self.trust().incoming_baggage = filter;
        self
    }

    /// Adds a rule: what these messages carry when they go out. The crate tries the rules in the order in which they
    /// were added, and the first one that fits counts. If no rule fits, a message carries its whole context.
    ///
    /// A reply goes to the destination that the requester has named. So let the last rule be one for all messages.
    /// [`Instrumentation::external`] is one line for a producer whose messages go to another company.
    ///
    /// ```
    /// use otel_messaging::Instrumentation;
    /// use otel_messaging::trust::{Messages, OutgoingPolicy};
    ///
    /// let instrumentation = Instrumentation::builder()
    ///     .with_outgoing(Messages::to_prefix("internal."), OutgoingPolicy::Inject)
    ///     .with_outgoing(Messages::to("analytics"), OutgoingPolicy::TraceContextOnly)
    ///     .with_outgoing(Messages::all(), OutgoingPolicy::Suppress)
    ///     .build();
    /// # let _ = instrumentation;
    /// ```
    pub fn with_outgoing(mut self, messages: Messages, policy: OutgoingPolicy) -> Self {
        self.trust().outgoing.add(messages, policy);
        self
    }

    /// Sets which baggage outgoing messages carry. The default is all of it.
    pub fn with_outgoing_baggage(mut self, filter: BaggageFilter) -> Self {
        self.trust().outgoing_baggage = filter;
        self
    }

    /// Keeps a `baggage` that the caller has put into the headers of a message, beside ours. Use it if another
    /// system writes that header too, such as Sentry with its `sentry-` keys. Without this setting our context takes
    /// the place of the caller's header.
    ///
    /// If a key is in both, ours counts. If there is no baggage of ours, the value of the caller's header stays as it
    /// is. Both together have at most 64 keys and 8,192 bytes; what is beyond is left out, and counted. The
    /// [filter](Self::with_outgoing_baggage) applies to both, and under
    /// [`TraceContextOnly`](OutgoingPolicy::TraceContextOnly) the caller's header is removed too. If a message is
    /// [sent on](crate#several-messages), its `baggage` is its sender's, and our context replaces it.
    pub fn with_merged_baggage(mut self) -> Self {
        self.trust().merges_baggage = true;
        self
    }

    fn trust(&mut self) -> &mut Trust {
        Arc::make_mut(self.settings.trust.get_or_insert_default())
    }
}

impl Instrumentation {
    /// The application's instrumentation, for a library that consumes messages by this crate. It is
    /// [`global`](Self::global), and if the application has not said whom to believe,
    /// [`IncomingPolicy::ContinueAndWarn`] applies.
    ///
    /// The application says so by [`with_incoming`](Builder::with_incoming) in its global instrumentation, or by
    /// `OTEL_MESSAGING_INCOMING`. Call this function for each message, as you would call `global`, because the
    /// application may set its own later.
    #[must_use]
    pub fn third_party() -> &'static Self {
        static OF_GLOBAL: OnceLock<Instrumentation> = OnceLock::new();
        static OF_DEFAULT: OnceLock<Instrumentation> = OnceLock::new();
        let (global, is_set) = Self::global_or_default();
        let trust = global.settings().trust.as_deref();
        if environment().is_some() || trust.is_some_and(|it| !it.incoming.is_empty()) {
            return global;
        }
        let place = if is_set { &OF_GLOBAL } else { &OF_DEFAULT };
        place.get_or_init(|| {
            let builder = global.to_builder();
            let warned = IncomingPolicy::ContinueAndWarn;
            builder.with_incoming(Messages::all(), warned).build()
        })
    }

    /// The same settings for a producer whose messages go to another company: they carry no context
    /// ([`OutgoingPolicy::Suppress`]), whatever the rules say. If the instrumentation is
    /// [`disabled`](Self::disabled), it still does nothing, and removes nothing.
    ///
    /// ```
    /// use otel_messaging::Instrumentation;
    ///
    /// # struct Producer;
    /// # impl Producer { fn with_instrumentation(self, _: Instrumentation) -> Self { self } }
    /// # let producer = Producer;
    /// let partner = producer.with_instrumentation(Instrumentation::global().external());
    /// # let _ = partner;
    /// ```
    #[must_use]
    pub fn external(&self) -> Self {
        let mut builder = self.to_builder();
        builder.trust().outgoing_at_least = OutgoingPolicy::Suppress;
        builder.build()
    }
}

impl Settings {
    /// Takes what the environment says about the messages that no rule is about.
    pub(crate) fn ask_environment(&mut self) {
        if let Some(policy) = environment()
            && (self.trust.is_some() || policy != IncomingPolicy::Continue)
        {
            Arc::make_mut(self.trust.get_or_insert_default()).otherwise = policy;
        }
    }
}
