//! Names of spans that occur again and again: kept once, for ever.

use crate::message::destination::Destination;
use crate::message::remote_text;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// So many names are kept. A sender may choose destinations.
const MOST: usize = 1024;

/// A longer name is not kept, in bytes.
const LONGEST: usize = 128;

/// The places for names that a thread knows, a power of two.
const PLACES: usize = 64;

/// A thread knows so many of them, so that a search ends soon.
const MOST_OF_THREAD: usize = 48;

static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// A thread stops asking after so many names for which there was no room. Its messages then do not wait for the lock.
const MOST_IN_VAIN: usize = 64;

thread_local! {
    static KNOWN: Known = const {
        Known {
            places: [const { Cell::new(None) }; PLACES],
            count: Cell::new(0),
            in_vain: Cell::new(0),
        }
    };
}

/// The names that a thread knows, each behind the place that its hash says.
struct Known {
    places: [Cell<Option<&'static str>>; PLACES],
    count: Cell<usize>,
    /// How often it asked for a name for which there was no room.
    in_vain: Cell<usize>,
}

/// `"{word} {destination}"`, if it is kept: it is then neither long nor changed by the way in which texts of others
/// are shown.
#[inline]
pub(super) fn kept(word: &str, destination: &Destination<'_>) -> Option<&'static str> {
    KNOWN.with(|known| {
        let parts = destination.all_parts();
        let first = hash(word, parts);
        for step in 0..PLACES {
            let place = &known.places[(first + step) % PLACES];
            match place.get() {
                Some(name) if is_of(name, word, parts) => return Some(name),
                Some(_) => {}
                None if known.count.get() >= MOST_OF_THREAD => return None,
                None => return known.learn(place, word, destination),
            }
        }
        None
    })
}

/// Made of little: most names of a program differ in it, and the others lie in the next places.
#[inline]
fn hash(word: &str, [first, second, third]: [&str; 3]) -> usize {
    let last = |part: &str| usize::from(part.as_bytes().last().copied().unwrap_or_default());
    let of_part = |part: &str| 7 * part.len() + last(part);
    let hash = word.len() + of_part(first);
    if second.is_empty() && third.is_empty() {
        return hash;
    }
    hash + 3 * of_part(second) + 5 * of_part(third)
}

#[inline]
fn is_of(name: &str, word: &str, [first, second, third]: [&str; 3]) -> bool {
    let Some((b' ', rest)) = behind(name.as_bytes(), word).and_then(<[u8]>::split_first) else {
        return false;
    };
    if second.is_empty() && third.is_empty() {
        // Most have one part.
        return rest == first.as_bytes();
    }
    let mut rest = Some(rest);
    let mut separator = "";
    for part in [first, second, third] {
        if !part.is_empty() {
            let named = rest.and_then(|rest| behind(rest, separator));
            rest = named.and_then(|rest| behind(rest, part));
            separator = ":";
        }
    }
    rest.is_some_and(<[u8]>::is_empty)
}

/// What stands behind a text in a longer one that begins with it.
#[inline]
fn behind<'a>(text: &'a [u8], start: &str) -> Option<&'a [u8]> {
    let (begin, rest) = text.split_at_checked(start.len())?;
    (begin == start.as_bytes()).then_some(rest)
}

impl Known {
    /// Keeps a name that the thread does not know, in a free place.
    #[cold]
    #[inline(never)]
    fn learn(
        &self,
        place: &Cell<Option<&'static str>>,
        word: &str,
        destination: &Destination<'_>,
    ) -> Option<&'static str> {
        if self.in_vain.get() >= MOST_IN_VAIN {
            return None;
        }
        let length: usize = destination.parts().map(|part| 1 + part.len()).sum();
        if word.len() + length > LONGEST || !destination.parts().all(remote_text::is_clean) {
            return None;
        }
        let name = keep(format!("{word} {destination}"));
        match name {
            Some(name) => {
                place.set(Some(name));
                self.count.set(self.count.get() + 1);
            }
            None => self.in_vain.set(self.in_vain.get() + 1),
        }
        name
    }
}

fn keep(name: String) -> Option<&'static str> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = kept.get(&*name) {
        return Some(name);
    }
    if kept.len() >= MOST {
        return None;
    }
    let name = &*Box::leak(name.into_boxed_str());
    kept.insert(name);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;
    use std::thread;

    #[test]
    fn a_name_is_kept_once_for_all_threads() {
        let orders = || kept("process", &Destination::of_parts(["shop", "orders", ""]));
        let name = orders().expect("it is kept");
        assert_eq!(name, "process shop:orders");
        assert!(ptr::eq(name, orders().expect("it is known")));
        let other = thread::spawn(move || orders().expect("it is kept"));
        assert!(ptr::eq(name, other.join().expect("no panic")));
        let queue = Destination::of_parts(["shop", "orders", "billing"]);
        assert_eq!(kept("process", &queue), Some("process shop:orders:billing"));
        assert_eq!(kept("publish", &queue), Some("publish shop:orders:billing"));
        let empty = || kept("process", &Destination::named("")).expect("it is kept");
        assert_eq!(empty(), "process ");
        assert!(ptr::eq(empty(), empty()));
        let joined = Destination::named("shop:orders");
        assert_eq!(kept("process", &joined), Some(name), "it is shown alike");
    }

    #[test]
    fn what_a_sender_made_long_or_hostile_is_not_kept() {
        let long = "x".repeat(LONGEST);
        for destination in [&*long, "orders\u{1b}[2J", "\u{202e}"] {
            assert_eq!(kept("process", &Destination::named(destination)), None);
        }
        let just = "x".repeat(LONGEST - "process ".len());
        assert!(kept("process", &Destination::named(&just)).is_some());
    }

    #[test]
    fn a_thread_knows_so_many_and_no_more() {
        let of_thread = thread::spawn(|| {
            let names: Vec<String> = (0..2 * PLACES).map(|n| format!("many.{n}")).collect();
            let kept = |name: &String| kept("process", &Destination::named(name)).is_some();
            // Twice, because what was kept stays.
            let first: Vec<bool> = names.iter().map(kept).collect();
            assert_eq!(first, names.iter().map(kept).collect::<Vec<_>>());
            first.into_iter().filter(|is_kept| *is_kept).count()
        });
        assert_eq!(of_thread.join().expect("no panic"), MOST_OF_THREAD);
    }

    #[test]
    fn names_with_the_same_hash_are_told_apart() {
        // Only their first bytes differ, which are not in the hash.
        let queues = ["a.same", "b.same", "c.same"];
        let names = || queues.map(|queue| kept("process", &Destination::named(queue)));
        let expected = queues.map(|queue| format!("process {queue}"));
        assert_eq!(
            names().map(|name| name.expect("it is kept")),
            expected.each_ref().map(|name| &**name)
        );
        assert_eq!(names(), names());
    }
}
