//! A poll or a batch that is under way: its span starts when its messages have been looked at.

use crate::context::current::Current;
use crate::context::traced::Span;
use crate::instrumentation::settings::Settings;
use crate::message::received::Client;
use crate::operation::begun::Begun;
use crate::operation::measurement::Measurement;
use crate::operation::probe::{has_provider, wanted};
use crate::operation::span::MessageSpan;
use crate::operation::traced_span::{self, Opened};
use crate::telemetry::action::Action;
use crate::telemetry::globals;
use crate::telemetry::span_builder::{Known, SpanName, span_builder};
use opentelemetry::trace::Link;
use std::time::{Instant, SystemTime};

/// Its span gets the count of its messages, and what they have in common: an identifier, say, or offsets.
const ROOM: usize = 3;

/// A poll or a batch that is under way. If it is dropped, it leaves neither a span nor a metric.
pub(crate) struct Waiting {
    parent: Current,
    /// With the feature `tracing`. The layer takes the time of its opening for the span's start.
    opened: Opened,
    began: Instant,
    began_at: SystemTime,
}

impl Waiting {
    /// `None` if no telemetry is wanted. `name` is the span's at its opening.
    pub(crate) fn start<'n>(
        by: &Settings,
        action: Action,
        parent: Current,
        name: impl FnOnce() -> &'n str,
    ) -> Option<Self> {
        let is_suppressed = parent.context().is_telemetry_suppressed();
        if by.is_disabled || by.telemetry.is_off() || is_suppressed {
            return None;
        }
        let opened = if by.telemetry.is_given() {
            Opened::Unwanted
        } else {
            traced_span::open(action.operation, name)
        };
        globals::refresh(SystemTime::now());
        Some(Self {
            parent,
            opened,
            began: Instant::now(),
            began_at: SystemTime::now(),
        })
    }

    /// Whether a span, metrics or the events of failures are wanted.
    pub(crate) fn is_wanted<C: Client>(&self, by: &Settings) -> bool {
        self.may_have_span(by)
            || by.metrics.instruments::<C>().is_some()
            || by.exceptions.are_logged()
    }

    /// Whether a span is wanted.
    pub(crate) fn may_have_span(&self, by: &Settings) -> bool {
        matches!(self.opened, Opened::Span(_)) || has_provider(&by.telemetry)
    }

    /// Starts the span and its metrics, where there is something to say. `links` is called only if there is a
    /// span.
    pub(crate) fn end<C: Client>(
        mut self,
        by: &Settings,
        known: &Known<'_>,
        links: impl FnMut() -> Vec<Link>,
        messages: u64,
    ) -> MessageSpan {
        let measurement = by.metrics.instruments::<C>().map(|(instruments, _)| {
            let began = (self.began, Some(self.began_at));
            let destination = by.destinations.on_metric(known);
            let mut started = Measurement::start(instruments, began, destination, known);
            started.set_messages(messages);
            started
        });
        let opened = std::mem::replace(&mut self.opened, Opened::Unwanted);
        let reporter = by.exceptions.of::<C>(known);
        let wanted = wanted(opened, &by.telemetry);
        let is_opened = matches!(wanted, Some(Some(_)));
        let begun = wanted.and_then(|opened| self.begun::<C>(by, known, links, opened));
        let Some(begun) = begun else {
            let mut span = MessageSpan::without(self.parent.clone());
            span.observe(measurement, reporter);
            return span;
        };
        let given = by.telemetry.given_tracers();
        let span = MessageSpan::open(begun, given, measurement, reporter);
        if is_opened {
            // It was opened before its destination was known.
            span.rename(name_of(known).into_name());
        }
        span
    }

    fn begun<C: Client>(
        &self,
        by: &Settings,
        known: &Known<'_>,
        mut links: impl FnMut() -> Vec<Link>,
        opened: Option<Span>,
    ) -> Option<Begun> {
        let mut build = || span_builder(known, name_of(known), links(), self.began_at, ROOM);
        let (builder, parent) = (build(), self.parent.context());
        Begun::begin::<C>(&by.telemetry, opened, builder, build, parent, |_| {})
    }
}

fn name_of(known: &Known<'_>) -> SpanName {
    SpanName::of(known.action, known.info.destination_ref(), known.template)
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Opened::Span(span) = std::mem::replace(&mut self.opened, Opened::Unwanted) {
            traced_span::discard(span);
        }
    }
}
