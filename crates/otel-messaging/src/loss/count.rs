//! Counts of fields that could not be propagated, in either direction, of links beyond the SDK's limit, and
//! of panics of telemetry. The log reports each at most once a minute.

use crate::loss::catch::{Behind, catch, is_inside};
use crate::loss::log::warn_line;
use crate::loss::reason::{CarrierError, Refused};
use crate::loss::row::{Rows, Step};
use crate::loss::witness::{self, Seen};
use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Seconds from one line in the log to the next.
const PAUSE: u64 = 60;

static DROPPED: Count = Count::new();
static REFUSED: Count = Count::new();
static LINKS: Count = Count::new();
static PANICS: Count = Count::new();

/// Returns how many propagation fields were left out of outgoing messages, in whole or in part, since the
/// process started. The protocol or the specification could not represent them, or the message would have
/// become too large. The messages were sent without them. Each field counts once for each limit that cut
/// it; a context that is left out as a whole counts once. Headers of a message that is sent on count too,
/// if there is no room for their longer names.
///
/// The log reports it at most once a minute, without any content of a message (feature `internal-logs`,
/// target `otel_messaging`).
pub fn dropped_fields() -> u64 {
    DROPPED.total()
}

/// Returns how many propagation fields of received messages were ignored, in whole or in part, since the
/// process started: they were malformed, exceeded a limit or contradicted each other. This crate's own
/// [propagators](crate::propagation) count them, each field once each time that the message is read: when
/// it is handled, and when [`receive`](crate::consumer::Consumer::receive) links to its sender. Contexts of
/// one message that contradict each other count once, whichever propagator reads them. A value that is
/// null, binary, empty or not UTF-8 is absent, and does not count.
///
/// The log reports it at most once a minute, without any content of a message (feature `internal-logs`,
/// target `otel_messaging`).
pub fn refused_fields() -> u64 {
    REFUSED.total()
}

/// Returns how many links of these crates' spans were beyond the 128th of their span since the process
/// started: of polls, of [batches](crate::with_batch_context), and of messages that
/// [join](crate::producer::Join) others. By default OpenTelemetry's SDK keeps 128 links per span and drops
/// the others. The first ones stay, in the order of the messages. A join keeps 1,024 links. One that is
/// added beyond these counts once, whether or not a span would have had it.
///
/// This crate cannot see another limit. If the application sets a higher one (`with_max_links_per_span`, or
/// `OTEL_SPAN_LINK_COUNT_LIMIT`), the count includes links that are exported. It does not include spans that
/// are not recorded. The contexts of the messages are current in their handlers in any case.
///
/// The log reports it at most once a minute (feature `internal-logs`, target `otel_messaging`).
pub fn dropped_links() -> u64 {
    LINKS.total()
}

/// Returns how often the application's code that telemetry calls has panicked since the process started:
/// samplers, span processors and their exporters, propagators, meter providers, log processors, layers of
/// `tracing`, the `Display` of an error, `failure_of` closures, and hooks for attributes. The messages
/// were sent or handled, without what that code would have added.
///
/// After 16 panics in a row this crate stops calling that code for a minute: the spans of one tracer
/// provider; the metrics of one meter provider; the log events of one logger provider; reading, writing or
/// the names of fields of one propagator; or the lines of its own log. It always asks an error for its
/// text.
///
/// The log (feature `internal-logs`, target `otel_messaging`) has at most one line a minute about
/// panics, and one more when code is turned off. A layer that panics on one of these lines is only
/// counted. The program's panic hook prints each panic as well.
///
/// This crate cannot catch a panic in a span that the application ends itself. With `panic = "abort"`
/// every panic ends the program. If a span processor panics in `on_start` and again in `on_end` of the
/// same span, Rust aborts: the SDK ends the span while the first panic unwinds.
pub fn caught_panics() -> u64 {
    PANICS.total()
}

/// Counts the fields that an adapter left out of one outgoing message in [`dropped_fields`].
pub fn count_dropped_fields(fields: u64, reason: CarrierError) {
    report(fields, reason);
}

/// Counts what was left out of one message that goes out.
#[cold]
pub(crate) fn report(fields: u64, reason: CarrierError) {
    witness::note(Seen::CUT);
    if DROPPED.add(fields) {
        say(Line::Dropped(reason));
    }
}

/// Counts a field of one message that came in.
#[cold]
pub(crate) fn refuse(reason: Refused) {
    match reason {
        Refused::Traceparent => witness::note(Seen::MALFORMED),
        // Whoever reads the message knows the senders.
        Refused::Contradiction => {}
        Refused::Tracestate | Refused::Baggage | Refused::Stored => witness::note(Seen::CUT),
    }
    if REFUSED.add(1) {
        say(Line::Refused(reason));
    }
}

/// Counts the links of one span, or of a join, that are beyond the limit.
#[cold]
pub(crate) fn links_dropped(links: u64) {
    if LINKS.add(links) {
        say(Line::Links);
    }
}

/// Counts a panic of the application's code; `is_off` if it was one too many.
pub(crate) fn panicked(behind: Behind, is_off: bool) {
    if matches!(behind, Behind::Propagator) {
        witness::note(Seen::PANICKED);
    }
    if PANICS.add(1) || is_off {
        say(Line::Panicked(behind, is_off));
    }
}

/// The layers that get the lines of this crate's log.
static LOG: Rows = Rows::new();

/// Writes a line of the log, which is an event to the application's layers. Their panics are counted, and
/// not said: a line about them would make them panic again.
pub(crate) fn log(work: impl FnOnce()) {
    if is_inside(Behind::Log) || (LOG.was_off() && LOG.is_off(seconds())) {
        return;
    }
    if catch(Behind::Log, work).is_some() {
        LOG.went_well(Step::START);
    } else {
        PANICS.total.fetch_add(1, Ordering::Relaxed);
        LOG.panicked(Step::START, seconds());
    }
}

/// A line of the log.
#[derive(Clone, Copy)]
enum Line {
    Dropped(CarrierError),
    Refused(Refused),
    Links,
    Panicked(Behind, bool),
}

thread_local! {
    /// How many hold back this thread's lines, and the lines.
    static HELD: Cell<(u32, [Option<Line>; 4])> = const { Cell::new((0, [None; 4])) };
}

fn say(line: Line) {
    let (holders, mut lines) = HELD.get();
    if holders > 0 {
        let place = match line {
            Line::Dropped(_) => 0,
            Line::Refused(_) => 1,
            Line::Links => 2,
            Line::Panicked(..) => 3,
        };
        lines[place] = Some(line);
        HELD.set((holders, lines));
        return;
    }
    log(|| write(line));
}

fn write(line: Line) {
    // Neither a name nor a value: both may come from a remote party.
    match line {
        Line::Dropped(reason) => {
            warn_line!(
                name: "OtelMessaging.FieldDropped",
                message = "a propagation field was left out of a message; loss::dropped_fields() has the \
                           count",
                reason = reason.to_string(),
                total = DROPPED.total()
            );
        }
        Line::Refused(reason) => {
            warn_line!(
                name: "OtelMessaging.FieldRefused",
                message = "a propagation field of a received message was ignored; loss::refused_fields() \
                           has the count",
                reason = reason.to_string(),
                total = REFUSED.total()
            );
        }
        Line::Links => {
            warn_line!(
                name: "OtelMessaging.LinksDropped",
                message = "a span has more than 128 links, and the SDK drops the others unless its limit is \
                           higher; loss::dropped_links() has the count",
                total = LINKS.total()
            );
        }
        Line::Panicked(behind, false) => {
            warn_line!(
                name: "OtelMessaging.TelemetryPanicked",
                message = "the application's telemetry panicked; the message was sent or handled \
                           without it; loss::caught_panics() has the count",
                what = behind.to_string(),
                total = PANICS.total()
            );
        }
        Line::Panicked(behind, true) => {
            warn_line!(
                name: "OtelMessaging.TelemetryOff",
                message = "the application's telemetry panicked 16 times in a row, and is not called for \
                           a minute; loss::caught_panics() has the count",
                what = behind.to_string(),
                total = PANICS.total()
            );
        }
    }
}

/// Holds back the lines of this thread until it is dropped: for work under OpenTelemetry's global
/// lock, where a log that is itself sent as messages would wait for itself.
pub(crate) struct Hold {
    _private: (),
}

impl Hold {
    pub(crate) fn new() -> Self {
        let (holders, lines) = HELD.get();
        HELD.set((holders + 1, lines));
        Self { _private: () }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let (holders, lines) = HELD.get();
        HELD.set((holders.saturating_sub(1), lines));
        if holders == 1 {
            HELD.set((0, [None; 4]));
            lines.into_iter().flatten().for_each(say);
        }
    }
}

/// How old this process is, counted from the first call.
pub(crate) fn seconds() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs()
}

struct Count {
    total: AtomicU64,
    /// The second of this process from which on there may be another line.
    next_line: AtomicU64,
}

impl Count {
    const fn new() -> Self {
        Self {
            total: AtomicU64::new(0),
            next_line: AtomicU64::new(0),
        }
    }

    fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Adds, and tells whether it is time for a line. A subscriber of the log may itself send
    /// messages and come back here, so nothing is held meanwhile.
    fn add(&self, fields: u64) -> bool {
        self.total.fetch_add(fields, Ordering::Relaxed);
        self.is_due(seconds())
    }

    fn is_due(&self, now: u64) -> bool {
        let next = self.next_line.load(Ordering::Relaxed);
        now >= next
            && self
                .next_line
                .compare_exchange(next, now + PAUSE, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_line_a_minute() {
        let count = Count::new();
        let due: Vec<_> = [0, 0, 59, 60, 61, 119, 500, 500]
            .map(|now| count.is_due(now))
            .into();
        assert_eq!(due, [true, false, false, true, false, false, true, false]);
    }

    #[test]
    fn a_line_that_is_written_ends_a_row_of_the_log() {
        let mut written = 0;
        for _ in 0..2 {
            for _ in 0..crate::loss::row::ROW - 1 {
                log(|| panic!("a layer"));
            }
            log(|| written += 1);
        }
        assert_eq!(written, 2);
    }
}
