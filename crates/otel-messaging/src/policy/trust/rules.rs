//! Ordered rules. The first rule that fits counts.

use crate::carrier::headers::Carrier;
use crate::message::destination::Destination;
use crate::policy::trust::memory;
use crate::policy::trust::messages::{Messages, Subject};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rules of one direction. Clones have the same rules, so they share what threads remember of them. The greater of
/// two policies is the stricter one.
#[derive(Debug, Clone)]
pub(crate) struct Rules<P> {
    list: Vec<(Messages, P)>,
    /// Under which number threads remember which rules are about a destination: an even one for one direction, an
    /// odd one for the other.
    id: u64,
    /// Whether all rules are about all destinations, so that there is nothing to remember.
    are_anywhere: bool,
    pub(crate) look_at_system: bool,
    pub(crate) look_at_queue: bool,
}

static NEXT: AtomicU64 = AtomicU64::new(2);

/// The policy of the rule that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decided<P> {
    pub(crate) policy: P,
    /// The rule names the consumer's queue, which a producer does not know.
    pub(crate) is_by_queue: bool,
}

impl<P: Copy + Ord> Rules<P> {
    pub(crate) fn incoming() -> Self {
        Self::with_id(0)
    }

    pub(crate) fn outgoing() -> Self {
        Self::with_id(1)
    }

    fn with_id(id: u64) -> Self {
        Self {
            list: Vec::new(),
            id,
            are_anywhere: true,
            look_at_system: false,
            look_at_queue: false,
        }
    }

    pub(crate) fn add(&mut self, messages: Messages, policy: P) {
        self.are_anywhere &= messages.is_anywhere();
        self.look_at_system |= messages.has_system();
        self.look_at_queue |= messages.has_queue();
        self.list.push((messages, policy));
        self.id = NEXT.fetch_add(2, Ordering::Relaxed) + self.id % 2;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn has(&self, policy: P) -> bool {
        self.list.iter().any(|(_, it)| *it == policy)
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &Messages> {
        self.list.iter().map(|(messages, _)| messages)
    }

    /// What the rules say about a message; `otherwise` if none of them counts.
    #[inline(always)]
    pub(crate) fn decide<C, H: Carrier<C> + ?Sized>(
        &self,
        subject: &Subject<'_>,
        headers: &H,
        otherwise: P,
    ) -> Decided<P> {
        self.with_about(subject, |about| {
            self.decide_later(about, headers, otherwise)
        })
    }

    /// Works with the rules that may count for a message, whatever its headers are.
    #[inline(always)]
    pub(crate) fn with_about<T>(&self, subject: &Subject<'_>, work: impl Fn(&About) -> T) -> T {
        if self.are_anywhere {
            work(&About::All)
        } else {
            memory::with(self.id, subject, || self.about(subject), work)
        }
    }

    /// What these rules say about a message with these headers; `otherwise` if none of them counts.
    #[inline(always)]
    pub(crate) fn decide_later<C, H: Carrier<C> + ?Sized>(
        &self,
        about: &About,
        headers: &H,
        otherwise: P,
    ) -> Decided<P> {
        match self.only(about) {
            Some((messages, policy)) => Decided {
                policy: *policy,
                is_by_queue: messages.has_queue(),
            },
            None => self.decide_by_headers(about, headers, otherwise),
        }
    }

    /// The policy for a message that these rules are about, if it is the same whatever its headers are.
    #[inline]
    pub(crate) fn of_any_headers(&self, about: &About) -> Option<P> {
        self.only(about).map(|(_, policy)| *policy)
    }

    /// The rule that counts whatever the headers are.
    #[inline(always)]
    fn only(&self, about: &About) -> Option<&(Messages, P)> {
        match about {
            About::One(place) => self.list.get(*place),
            About::All | About::These(_) | About::Either(..) => None,
        }
    }

    #[inline(never)]
    fn decide_by_headers<C, H: Carrier<C> + ?Sized>(
        &self,
        about: &About,
        headers: &H,
        otherwise: P,
    ) -> Decided<P> {
        let of = |places: &[usize]| {
            let mut rules = places.iter().filter_map(|place| self.list.get(*place));
            first(&mut rules, headers, otherwise)
        };
        match about {
            About::All => first(&mut self.list.iter(), headers, otherwise),
            About::One(place) => of(&[*place]),
            About::These(these) => of(these),
            About::Either(these, others) => {
                let (one, other) = (of(these), of(others));
                if other.policy > one.policy {
                    other
                } else {
                    one
                }
            }
        }
    }

    #[cold]
    fn about(&self, subject: &Subject<'_>) -> About {
        let these = self.candidates(subject);
        if subject.is_ambiguous() {
            let nowhere = Subject {
                destination: &Destination::unknown(),
                ..*subject
            };
            return About::Either(these, self.candidates(&nowhere));
        }
        match these[..] {
            [only] if self.list.get(only).is_some_and(|(it, _)| !it.has_header()) => {
                About::One(only)
            }
            _ => About::These(these),
        }
    }

    /// The first rule without a header that fits, and those with a header before it.
    fn candidates(&self, subject: &Subject<'_>) -> Places {
        let mut places = Vec::new();
        for (place, (messages, _)) in self.list.iter().enumerate() {
            if messages.fits(subject) {
                places.push(place);
                if !messages.has_header() {
                    break;
                }
            }
        }
        places.into()
    }
}

/// The first of these rules that fits the headers.
fn first<'a, P: Copy + 'a, C, H: Carrier<C> + ?Sized>(
    rules: &mut dyn Iterator<Item = &'a (Messages, P)>,
    headers: &H,
    otherwise: P,
) -> Decided<P> {
    let mut seen = None;
    for (messages, policy) in rules {
        if messages.fits_header(headers, &mut seen) {
            return Decided {
                policy: *policy,
                is_by_queue: messages.has_queue(),
            };
        }
    }
    Decided {
        policy: otherwise,
        is_by_queue: false,
    }
}

/// The places of rules in their list.
type Places = Arc<[usize]>;

/// The rules that may count for a message.
#[derive(Debug, Clone, Default)]
pub(crate) enum About {
    /// All, because none looks at anything but headers.
    #[default]
    All,
    /// This one, which looks at no header.
    One(usize),
    /// The first of these that fits the headers.
    These(Places),
    /// The name of the destination can be read in two ways: the stricter policy of both counts.
    Either(Places, Places),
}
