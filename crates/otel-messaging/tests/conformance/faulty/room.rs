//! What the faulty carrier's headers leave of a room.

use super::{Headers, Stored, is_named};
use crate::faults::Fault;

/// For a value of any length.
pub(super) const PER_HEADER: usize = 4;

/// What is around all headers.
const BLOCK: usize = 12;

impl Headers {
    pub(super) fn left_of_room(&self, room: usize) -> Option<usize> {
        match self.fault {
            Fault::RoomIsUnlimited => return Some(room),
            Fault::RoomOverflows => assert!(room < usize::MAX, "overflow"),
            Fault::RoomIsTooMuch if room > 1_000_000 => return None,
            _ => {}
        }
        if self.list.is_empty() {
            let is_late = self.fault == Fault::BlockComesLate;
            return Some(room.saturating_sub(if is_late { 0 } else { BLOCK }));
        }
        let most = match self.fault {
            Fault::RoomCountsEarlyOnly => 8,
            _ => usize::MAX,
        };
        let sizes = self.list.iter().take(most);
        let size = BLOCK
            + sizes
                .map(|(key, value)| self.size(key, value))
                .sum::<usize>();
        match self.fault {
            Fault::RemovedTakesRoom => room.checked_sub(size + self.removed),
            Fault::RoomIsNeverUsedUp => room.checked_sub(size).filter(|left| *left > 0),
            Fault::RoomIsNeverTooSmall => Some(room.saturating_sub(size)),
            Fault::BaggageGivesRoom => {
                let has_baggage = self.list.iter().any(|(key, _)| is_named(key, "baggage"));
                room.checked_sub(if has_baggage { 0 } else { size })
            }
            _ => room.checked_sub(size),
        }
    }

    fn size(&self, key: &[u8], value: &Stored) -> usize {
        let (size, is_text) = match value {
            Stored::Text(text) if self.fault == Fault::RoomCountsCharacters => {
                (text.chars().count(), true)
            }
            Stored::Text(text) => (text.len(), true),
            Stored::Bytes(bytes) => (bytes.len(), false),
            Stored::Null => (0, false),
            Stored::Number => (8, false),
        };
        let framing = match size {
            0..64 => 2,
            64..4096 => PER_HEADER,
            _ if self.fault == Fault::LargeTakesMore => PER_HEADER + 1,
            _ => PER_HEADER,
        };
        match self.fault {
            Fault::RoomCountsReadable if !is_text => 0,
            Fault::RoomForgetsNames => size + framing,
            _ => key.len() + size + framing,
        }
    }
}
