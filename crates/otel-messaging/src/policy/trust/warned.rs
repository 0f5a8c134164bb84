//! The destinations of which the log has said that a message continues somebody else's trace.

use crate::loss::count::log;
use crate::loss::log::warn_line;
use crate::message::destination::Destination;
use crate::message::remote_text;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

/// So many destinations are named at most, until the process ends.
const DESTINATIONS: usize = 64;

static WARNED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
/// Whether all places are taken: then nobody looks.
static IS_FULL: AtomicBool = AtomicBool::new(false);

/// Warns that a message with this destination continues another trace than the current one, if the log has not
/// said it yet.
#[cold]
pub(crate) fn warn(destination: Destination<'_>) {
    if IS_FULL.load(Ordering::Relaxed) {
        return;
    }
    let shown = if destination.is_temporary() {
        // Each has another name.
        "a temporary one".to_owned()
    } else {
        remote_text::shown_of_parts(destination)
    };
    if note(
        &mut WARNED.lock().unwrap_or_else(PoisonError::into_inner),
        &shown,
    ) {
        log(|| {
            warn_line!(
                name: "OtelMessaging.TraceContinued",
                message = "a message continues the trace of its sender; if senders of this destination are not \
                           trusted, choose another policy with Builder::with_incoming or \
                           OTEL_MESSAGING_INCOMING; if they are, choose continue",
                destination = shown
            );
        });
    }
}

fn note(warned: &mut HashSet<String>, shown: &str) -> bool {
    let is_new = warned.len() < DESTINATIONS && warned.insert(shown.to_owned());
    if warned.len() >= DESTINATIONS {
        IS_FULL.store(true, Ordering::Relaxed);
    }
    is_new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_64_destinations_is_said_once() {
        let mut warned = HashSet::new();
        let mut said = 0;
        for _ in 0..2 {
            for number in 0..100 {
                said += usize::from(note(&mut warned, &number.to_string()));
            }
        }
        assert_eq!((said, warned.len()), (DESTINATIONS, DESTINATIONS));
        IS_FULL.store(false, Ordering::Relaxed);
    }
}
