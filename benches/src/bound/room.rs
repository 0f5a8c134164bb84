//! What a message has room for (SECURITY.md, "Limits": 9,216 bytes of names and values, and what the client's own
//! limit leaves; baggage is left out first, then tracestate).

use super::TRACESTATE;

/// Of names and values.
const BUDGET: usize = 9_216;

/// A traceparent and its name.
const PARENT: usize = 11 + 55;

const FIELDS: usize = 3;

/// What is left of the room, in bytes.
pub struct Room(usize);

impl Room {
    /// `left` is what the message has for headers, in bytes. A header takes `per_header` beyond its name and value.
    /// `None` if the traceparent does not fit.
    #[inline(always)]
    pub fn of(left: usize, per_header: usize, has_parent: bool) -> Option<Self> {
        let parent = if has_parent { PARENT } else { 0 };
        let needed = if has_parent { PARENT + per_header } else { 0 };
        (left >= needed).then(|| {
            let room = left.saturating_sub(FIELDS * per_header).min(BUDGET);
            Self(room.saturating_sub(parent))
        })
    }

    /// What fits of a list.
    #[inline]
    pub fn take(&mut self, name: &str, list: String) -> Option<String> {
        match self.0.checked_sub(name.len() + list.len()) {
            Some(rest) => {
                self.0 = rest;
                Some(list)
            }
            None => self.take_some(name, &list),
        }
    }

    /// The next list has to give way.
    #[cold]
    fn take_some(&mut self, name: &str, list: &str) -> Option<String> {
        let room = self.0.saturating_sub(name.len());
        self.0 = 0;
        let list = match name {
            TRACESTATE => without_last(list, room),
            _ => without_large(list, room),
        };
        (!list.is_empty()).then_some(list)
    }
}

/// Without the members of more than 128 bytes, as far as needed, and then without others; the last first.
fn without_last(list: &str, room: usize) -> String {
    let mut excess = list.len().saturating_sub(room);
    let mut members: Vec<&str> = list.split(',').collect();
    for least in [129, 1] {
        for place in (0..members.len()).rev() {
            if excess > 0 && members[place].len() >= least {
                excess = excess.saturating_sub(members[place].len() + 1);
                members.remove(place);
            }
        }
    }
    members.join(",")
}

/// Without those that do not fit, each alone.
fn without_large(list: &str, room: usize) -> String {
    let mut kept = String::new();
    for member in list.split(',') {
        let comma = usize::from(!kept.is_empty());
        if kept.len() + comma + member.len() <= room {
            kept.push_str(&","[..comma]);
            kept.push_str(member);
        }
    }
    kept
}
