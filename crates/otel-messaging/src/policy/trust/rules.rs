//! Ordered rules, of which the first that fits counts.

use crate::carrier::headers::Carrier;
use crate::policy::trust::memory::{self, Places};
use crate::policy::trust::messages::{Messages, Subject};
use std::sync::atomic::{AtomicU64, Ordering};

/// Rules of one direction. Clones have the same rules, so they share what threads remember of them.
#[derive(Debug, Clone)]
pub(crate) struct Rules<P> {
    list: Vec<(Messages, P)>,
    /// Under which number threads remember which rules are about a destination.
    id: u64,
    /// Whether all rules are about all destinations, so that there is nothing to remember.
    are_anywhere: bool,
}

impl<P> Default for Rules<P> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            id: 0,
            are_anywhere: true,
        }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl<P: Copy> Rules<P> {
    pub(crate) fn add(&mut self, messages: Messages, policy: P) {
        self.are_anywhere &= messages.is_anywhere();
        self.list.push((messages, policy));
        self.id = NEXT.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn any(&self, is: impl Fn(&Messages, P) -> bool) -> bool {
        self.list
            .iter()
            .any(|(messages, policy)| is(messages, *policy))
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &Messages> {
        self.list.iter().map(|(messages, _)| messages)
    }

    /// The rule that counts for a message with these headers, and its policy.
    #[inline]
    pub(crate) fn find<C, H: Carrier<C> + ?Sized>(
        &self,
        subject: &Subject<'_>,
        headers: &H,
    ) -> Option<(&Messages, P)> {
        self.first(&self.about(subject), headers)
    }

    /// The rules that may count for a message, whatever its headers are.
    #[inline]
    pub(crate) fn about(&self, subject: &Subject<'_>) -> About {
        if self.are_anywhere {
            About::All
        } else {
            let find = || self.candidates(subject);
            About::These(memory::places(self.id, subject, find))
        }
    }

    /// Of these rules the one that counts for a message with these headers, and its policy.
    #[inline]
    pub(crate) fn first<C, H: Carrier<C> + ?Sized>(
        &self,
        about: &About,
        headers: &H,
    ) -> Option<(&Messages, P)> {
        let fits = |rule: &&(Messages, P)| rule.0.fits_header(headers);
        let rule = match about {
            About::All => self.list.iter().find(fits),
            About::These(places) => {
                let mut rules = places.iter().filter_map(|place| self.list.get(*place));
                rules.find(fits)
            }
        };
        rule.map(|(messages, policy)| (messages, *policy))
    }

    /// The rules that may count, once the headers are there: the first without a header, and those before it.
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

/// The rules that may count for a message.
#[derive(Debug, Clone, Default)]
pub(crate) enum About {
    /// All, because none looks at anything but headers.
    #[default]
    All,
    These(Places),
}
