//! Which rules are about a destination, as each thread remembers it: so a hundred rules cost one look-up.

use crate::policy::trust::messages::Subject;
use std::cell::RefCell;
use std::sync::Arc;

/// How many destinations a thread remembers. A sender who makes up destinations gains that all rules are looked
/// through for each of its messages.
const PLACES: usize = 256;

/// A longer name is not remembered, in bytes: so a thread holds 256 KiB of names at most.
const MAX_BYTES: usize = 1024;

/// The places of rules in their list.
pub(crate) type Places = Arc<[usize]>;

thread_local! {
    static KNOWN: RefCell<Vec<Option<Known>>> = const { RefCell::new(Vec::new()) };
}

struct Known {
    rules: u64,
    is_known: bool,
    texts: [Box<str>; 4],
    has_queue: bool,
    places: Places,
}

/// The rules that are about the subject. `find` finds them if this thread does not remember them.
#[inline]
pub(crate) fn places(rules: u64, subject: &Subject<'_>, find: impl FnOnce() -> Places) -> Places {
    let texts = texts_of(subject);
    let index = hash(rules, &texts);
    let remembered = KNOWN.try_with(|known| {
        let known = known.try_borrow().ok()?;
        let known = known.get(index)?.as_ref()?;
        let is_it = known.rules == rules
            && known.is_known == subject.destination.is_known()
            && known.has_queue == subject.queue.is_some()
            && (0..4).all(|part| *known.texts[part] == *texts[part]);
        is_it.then(|| known.places.clone())
    });
    match remembered {
        Ok(Some(places)) => places,
        _ => remember(rules, subject, index, find()),
    }
}

#[cold]
fn remember(rules: u64, subject: &Subject<'_>, index: usize, places: Places) -> Places {
    let texts = texts_of(subject);
    if texts.map(str::len).iter().sum::<usize>() > MAX_BYTES {
        return places;
    }
    // While a thread ends, nothing is remembered.
    let _ = KNOWN.try_with(|known| {
        let Ok(mut known) = known.try_borrow_mut() else {
            return;
        };
        if known.is_empty() {
            known.resize_with(PLACES, || None);
        }
        if let Some(place) = known.get_mut(index) {
            *place = Some(Known {
                rules,
                is_known: subject.destination.is_known(),
                texts: texts.map(Into::into),
                has_queue: subject.queue.is_some(),
                places: places.clone(),
            });
        }
    });
    places
}

fn texts_of<'a>(subject: &Subject<'a>) -> [&'a str; 4] {
    let [exchange, key, _] = subject.destination.all_parts();
    let queue = subject.queue.unwrap_or_default();
    [exchange, key, subject.system, queue]
}

/// The place of a subject. Who chooses destinations can let them share a place, and gains no more than by
/// making them up.
fn hash(rules: u64, texts: &[&str; 4]) -> usize {
    const MIXER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = rules;
    let mut add = |word: u64| hash = (hash.rotate_left(5) ^ word).wrapping_mul(MIXER);
    for text in texts {
        let (words, rest) = text.as_bytes().as_chunks::<8>();
        for word in words {
            add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        add(u64::from_le_bytes(last) ^ text.len() as u64);
    }
    (hash >> 56) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::destination::Destination;
    use std::thread;

    fn subject(name: &str) -> Subject<'_> {
        Subject {
            system: "test",
            destination: Destination::named(name),
            queue: None,
        }
    }

    fn found(rules: u64, name: &str) -> bool {
        let mut is_asked = false;
        let places = places(rules, &subject(name), || {
            is_asked = true;
            Arc::new([name.len()])
        });
        assert_eq!(*places, [name.len()]);
        is_asked
    }

    #[test]
    fn a_thread_asks_once_for_each_rules_and_destination() {
        assert!(found(u64::MAX, "orders"));
        assert!(!found(u64::MAX, "orders"));
        assert!(found(u64::MAX - 1, "orders"), "other rules");
        assert!(thread::spawn(|| found(u64::MAX, "orders")).join().unwrap());
        let long = "x".repeat(MAX_BYTES);
        assert!(found(u64::MAX, &long));
        assert!(found(u64::MAX, &long), "too long");
    }

    #[test]
    fn what_a_thread_holds_is_bounded() {
        for name in 0..10_000 {
            assert!(found(7, &format!("reply.{name}")));
        }
        KNOWN.with_borrow(|known| {
            let used = known.iter().flatten().count();
            assert!(known.len() == PLACES && used > PLACES / 2, "{used}");
        });
    }
}
