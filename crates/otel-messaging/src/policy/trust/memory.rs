//! Which rules are about a destination, as each thread remembers it: so a hundred rules cost one look-up.

use crate::message::destination::Kind;
use crate::policy::trust::messages::Subject;
use crate::policy::trust::rules::About;
use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;

/// How many destinations a thread remembers. A sender who makes up destinations gains that all rules are looked
/// through for each of its messages.
const PLACES: usize = 256;

/// A longer name is not remembered, in bytes: so a thread holds 256 KiB of names at most.
const MAX_BYTES: usize = 1024;

thread_local! {
    static KNOWN: RefCell<Known> = const {
        RefCell::new(Known {
            last: [None, None],
            places: Vec::new(),
        })
    };
}

/// What a thread remembers.
struct Known {
    /// The destination that was asked for last, in each direction. Most threads have one of each.
    last: [Option<Rc<Remembered>>; 2],
    places: Vec<Option<Rc<Remembered>>>,
}

/// The rules that are about one destination.
struct Remembered {
    rules: u64,
    exchange: Box<str>,
    key: Box<str>,
    queue: Option<Box<str>>,
    system: &'static str,
    kind: Kind,
    about: About,
}

/// Works with the rules that are about the subject. `find` finds them if this thread does not remember them.
#[inline(always)]
pub(crate) fn with<T>(
    rules: u64,
    subject: &Subject<'_>,
    find: impl FnOnce() -> About,
    work: impl Fn(&About) -> T,
) -> T {
    let done = KNOWN.try_with(|known| {
        // What is worked with may be the application's, so nothing is borrowed for writing meanwhile.
        let known = known.try_borrow().ok()?;
        let last = known.last[direction(rules)].as_ref()?;
        last.is(rules, subject).then(|| work(&last.about))
    });
    match done {
        Ok(Some(done)) => done,
        _ => work(&look_up(rules, subject, find)),
    }
}

/// The rules, if it is not the destination of the last time.
#[inline(never)]
fn look_up(rules: u64, subject: &Subject<'_>, find: impl FnOnce() -> About) -> About {
    let index = index(rules, subject);
    let found = KNOWN.try_with(|known| {
        let mut known = known.try_borrow_mut().ok()?;
        let place = known.places.get(index)?.clone()?;
        if !place.is(rules, subject) {
            return None;
        }
        let about = place.about.clone();
        known.last[direction(rules)] = Some(place);
        Some(about)
    });
    match found {
        Ok(Some(about)) => about,
        _ => remember(rules, subject, index, find()),
    }
}

#[cold]
fn remember(rules: u64, subject: &Subject<'_>, index: usize, about: About) -> About {
    let [exchange, key, _] = subject.destination.all_parts();
    let length = exchange.len() + key.len() + subject.queue.map_or(0, str::len);
    if length > MAX_BYTES {
        return about;
    }
    let remembered = Remembered {
        rules,
        exchange: exchange.into(),
        key: key.into(),
        queue: subject.queue.map(Into::into),
        system: subject.system,
        kind: subject.destination.kind(),
        about: about.clone(),
    };
    // While a thread ends, nothing is remembered.
    let _ = KNOWN.try_with(|known| {
        let Ok(mut known) = known.try_borrow_mut() else {
            return;
        };
        if known.places.is_empty() {
            known.places.resize_with(PLACES, || None);
        }
        let remembered = Rc::new(remembered);
        known.last[direction(rules)] = Some(remembered.clone());
        if let Some(place) = known.places.get_mut(index) {
            *place = Some(remembered);
        }
    });
    about
}

impl Remembered {
    #[inline(always)]
    fn is(&self, rules: u64, subject: &Subject<'_>) -> bool {
        let [exchange, key, _] = subject.destination.all_parts();
        self.rules == rules
            && is_same(&self.exchange, exchange)
            && is_same(&self.key, key)
            && self.kind == subject.destination.kind()
            && self.queue.as_deref() == subject.queue
            && (ptr::eq(self.system, subject.system) || self.system == subject.system)
    }
}

/// The direction of the rules with a number.
#[inline]
fn direction(rules: u64) -> usize {
    usize::from(rules % 2 == 1)
}

/// Whether two texts are the same. For up to 16 bytes it is less work than a call of C's `memcmp`.
#[inline(always)]
fn is_same(own: &str, text: &str) -> bool {
    let (own, text) = (own.as_bytes(), text.as_bytes());
    if own.len() != text.len() {
        return false;
    }
    if own.len() > 16 {
        return own == text;
    }
    if let (Some(own), Some(text)) = (ends::<8>(own), ends::<8>(text)) {
        return own == text;
    }
    if let (Some(own), Some(text)) = (ends::<4>(own), ends::<4>(text)) {
        return own == text;
    }
    own.is_empty() || own == text
}

/// The first and the last bytes of a text, which may overlap.
#[inline(always)]
fn ends<const N: usize>(text: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
    Some((text.first_chunk()?, text.last_chunk()?))
}

/// The place of a subject. A sender can choose destinations that share a place, and gains no more than by making
/// them up.
fn index(rules: u64, subject: &Subject<'_>) -> usize {
    const MIXER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = rules;
    let mut add = |word: u64| hash = (hash.rotate_left(5) ^ word).wrapping_mul(MIXER);
    let [exchange, key, _] = subject.destination.all_parts();
    for text in [exchange, key, subject.queue.unwrap_or_default()] {
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
    use std::sync::Arc;
    use std::thread;

    fn found(rules: u64, name: &str) -> bool {
        let mut is_asked = false;
        let subject = Subject {
            system: "test",
            destination: &Destination::named(name),
            queue: None,
        };
        let find = || {
            is_asked = true;
            About::These(Arc::new([name.len()]))
        };
        with(rules, &subject, find, |about| {
            assert!(matches!(about, About::These(places) if **places == [name.len()]));
        });
        is_asked
    }

    #[test]
    fn a_thread_asks_once_for_each_rules_and_destination() {
        assert!(found(u64::MAX, "orders"));
        assert!(!found(u64::MAX, "orders"));
        assert!(found(u64::MAX - 2, "orders"), "other rules");
        assert!(thread::spawn(|| found(u64::MAX, "orders")).join().unwrap());
        let long = "x".repeat(MAX_BYTES + 1);
        assert!(found(u64::MAX, &long));
        assert!(found(u64::MAX, &long), "too long");
    }

    #[test]
    fn two_texts_are_the_same_if_all_of_their_bytes_are() {
        for length in 0..40 {
            let text = "x".repeat(length);
            assert!(is_same(&text, &text.clone()), "{length}");
            assert!(!is_same(&text, &"x".repeat(length + 1)), "{length}");
            for place in 0..length {
                let mut other = text.clone().into_bytes();
                other[place] = b'y';
                let other = String::from_utf8(other).expect("ASCII");
                assert!(!is_same(&text, &other), "{length} {place}");
            }
        }
    }

    #[test]
    fn what_a_thread_holds_is_bounded() {
        for name in 0..10_000 {
            assert!(found(7, &format!("reply.{name}")));
        }
        KNOWN.with_borrow(|known| {
            let used = known.places.iter().flatten().count();
            let is_bounded = known.places.len() == PLACES;
            assert!(is_bounded && used > PLACES / 2, "{used}");
        });
    }
}
