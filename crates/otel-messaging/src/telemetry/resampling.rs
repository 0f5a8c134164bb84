//! The mark of a context whose sampled flag does not count, for the sampler that knows it.

use crate::context::derived::{empty_context, with_baggage_of};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Marks the context that a message carries: its children that start in this process are sampled as roots. It
/// names the sender's span, because what is started under such a child inherits the mark and follows the child.
#[cfg_attr(
    not(feature = "sdk"),
    expect(dead_code, reason = "no sampler reads it")
)]
pub(crate) struct Mark {
    sender: (TraceId, SpanId),
    /// Whether a sampler that knows the mark was asked.
    was_asked: AtomicBool,
    /// Nothing is to be sampled: the crate looks for the sampler.
    is_probe: bool,
}

impl Mark {
    fn attach(context: &Context, is_probe: bool) -> Context {
        let span = context.span().span_context().clone();
        context.with_value(Self {
            sender: (span.trace_id(), span.span_id()),
            was_asked: AtomicBool::new(false),
            is_probe,
        })
    }

    /// The mark of a context, if it is the context's own and not inherited.
    #[cfg(feature = "sdk")]
    pub(crate) fn of(context: &Context) -> Option<&Self> {
        let mark = context.get::<Self>()?;
        let span = context.span();
        let span = span.span_context();
        let is_own = span.is_remote() && (span.trace_id(), span.span_id()) == mark.sender;
        is_own.then_some(mark)
    }

    /// Whether the sampler knew the mark of this context or of the one it was made of; `None` without a mark.
    pub(crate) fn was_asked(context: &Context) -> Option<bool> {
        let mark = context.get::<Self>()?;
        Some(mark.was_asked.load(Ordering::Relaxed))
    }

    /// Says that a sampler knows the mark. Returns whether it shall sample nothing.
    #[cfg(feature = "sdk")]
    pub(crate) fn ask(&self) -> bool {
        self.was_asked.store(true, Ordering::Relaxed);
        self.is_probe
    }
}

/// `context` with the sender's ids alone, and with the mark.
pub(crate) fn marked(context: &Context) -> Context {
    let sender = ids_of(context.span().span_context());
    // No value of the context but its baggage: the sender's other flag is such a value.
    let context = with_baggage_of(&empty_context(), context);
    Mark::attach(&context.with_remote_span_context(sender), false)
}

/// The sender's ids alone: neither its flags nor its tracestate count.
pub(crate) fn ids_of(sender: &SpanContext) -> SpanContext {
    SpanContext::new(
        sender.trace_id(),
        sender.span_id(),
        TraceFlags::NOT_SAMPLED,
        true,
        TraceState::NONE,
    )
}

/// A parent by which a sampler shows whether it knows the mark. It is not sampled, so that most samplers that do
/// not know it drop the span.
pub(crate) fn probe() -> Context {
    let sender = SpanContext::new(
        TraceId::from_bytes([7; 16]),
        SpanId::from_bytes([7; 8]),
        TraceFlags::NOT_SAMPLED,
        true,
        TraceState::NONE,
    );
    Mark::attach(&Context::new().with_remote_span_context(sender), true)
}

/// How many `Resampler`s were made in this process. Without one nothing has to be tried.
static MADE: AtomicU64 = AtomicU64::new(0);

#[cfg(feature = "sdk")]
pub(crate) fn note_resampler() {
    MADE.fetch_add(1, Ordering::Relaxed);
}

/// Whether the sampler of one tracer provider, or of the global ones, knows the mark.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resampling(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_there: AtomicBool,
    tries: Mutex<Tries>,
}

/// The tries that found nothing. Each may cost a span that is not ended, so they become rare.
#[derive(Debug, Default)]
struct Tries {
    /// How many `Resampler`s there were.
    made: u64,
    /// Seconds from the last try to the next.
    pause: u64,
    /// The second of this process from which on it is tried again.
    next: u64,
}

/// The longest pause, in seconds.
const PAUSE: u64 = 3600;

impl Tries {
    /// Whether it is time to try.
    fn is_due(&mut self, made: u64, now: u64) -> bool {
        if made == 0 || (made == self.made && now < self.next) {
            return false;
        }
        self.pause = if made == self.made {
            (2 * self.pause).min(PAUSE)
        } else {
            1
        };
        self.made = made;
        self.next = now + self.pause;
        true
    }
}

impl Resampling {
    /// Whether the sampler knows the mark. `try_it` tries, and says so; it is called seldom, and never if the program
    /// has made no `Resampler`.
    #[inline]
    pub(crate) fn is_there(
        &self,
        now: impl FnOnce() -> u64,
        try_it: impl FnOnce() -> bool,
    ) -> bool {
        self.0.is_there.load(Ordering::Relaxed) || self.find(now, try_it)
    }

    #[cold]
    fn find(&self, now: impl FnOnce() -> u64, try_it: impl FnOnce() -> bool) -> bool {
        let made = MADE.load(Ordering::Relaxed);
        // Another thread that holds the lock decides whether it tries.
        let is_due = made > 0
            && self
                .0
                .tries
                .try_lock()
                .is_ok_and(|mut tries| tries.is_due(made, now()));
        is_due && self.look(try_it)
    }

    /// Tries now, for somebody who wants to know.
    pub(crate) fn look(&self, try_it: impl FnOnce() -> bool) -> bool {
        let is_there = MADE.load(Ordering::Relaxed) > 0 && try_it();
        if is_there {
            self.0.is_there.store(true, Ordering::Relaxed);
            if let Ok(mut tries) = self.0.tries.try_lock() {
                *tries = Tries::default();
            }
        }
        is_there
    }

    /// Says that a marked span was started and no sampler knew the mark: the provider was replaced.
    pub(crate) fn note_absence(&self) {
        self.0.is_there.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rare_until_another_resampler_is_made() {
        let mut tries = Tries::default();
        assert!(!tries.is_due(0, 0), "there is none");
        let mut due = |made, now: std::ops::Range<u64>| -> Vec<u64> {
            now.filter(|now| tries.is_due(made, *now)).collect()
        };
        assert_eq!(due(1, 10..60), [10, 11, 13, 17, 25, 41]);
        assert_eq!(due(2, 60..70), [60, 61, 63, 67]);
        assert!(due(2, 70..100_000).len() < 40);
    }
}
