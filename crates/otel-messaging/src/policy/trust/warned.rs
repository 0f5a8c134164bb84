//! The destinations of which the log has said that a message continues somebody else's trace.

use crate::loss::count::log;
use crate::loss::log::warn_line;
use crate::message::destination::Destination;
use crate::message::remote_text;
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

/// So many destinations are named at most, until the process ends.
const DESTINATIONS: usize = 64;

type Names = HashSet<String>;

static WARNED: LazyLock<Mutex<Names>> = LazyLock::new(Mutex::default);
/// Whether all places are taken: then nobody looks.
static IS_FULL: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Those of which this thread knows, so that it takes no lock for each message.
    static KNOWN: RefCell<Names> = RefCell::default();
}

/// Warns that a message with this destination continues another trace than the current one, if the log has not
/// said it yet.
#[cold]
pub(crate) fn warn(destination: Destination<'_>) {
    if IS_FULL.load(Ordering::Relaxed) {
        return;
    }
    let name = if destination.is_temporary() {
        // Each has another name.
        "a temporary one".to_owned()
    } else {
        remote_text::shown_of_parts(destination)
    };
    let is_known = KNOWN.try_with(|known| known.borrow().contains(&name));
    if is_known == Ok(true) {
        return;
    }
    let (is_new, is_full) = note(
        &mut WARNED.lock().unwrap_or_else(PoisonError::into_inner),
        &name,
    );
    if is_full {
        IS_FULL.store(true, Ordering::Relaxed);
    }
    // While the thread ends, it remembers nothing.
    let _ = KNOWN.try_with(|known| known.borrow_mut().insert(name.clone()));
    if is_new {
        log(|| {
            warn_line!(
                name: "OtelMessaging.TraceContinued",
                message = "a message continues the trace of its sender; if you do not trust the senders of this \
                           destination, choose another policy with Builder::with_incoming or \
                           OTEL_MESSAGING_INCOMING; if you do, choose continue",
                destination = name
            );
        });
    }
}

/// Notes a name. Returns whether it is to be said, and whether there is no place for another one.
fn note(warned: &mut Names, name: &str) -> (bool, bool) {
    let is_new = warned.len() < DESTINATIONS && warned.insert(name.to_owned());
    (is_new, warned.len() >= DESTINATIONS)
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
                said += usize::from(note(&mut warned, &number.to_string()).0);
            }
        }
        assert_eq!((said, warned.len()), (DESTINATIONS, DESTINATIONS));
    }
}
