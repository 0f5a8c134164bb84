//! What messages show of their contexts, counted.

use crate::message::{Message, System};

/// What is counted of all messages of a look.
#[derive(Debug)]
pub(crate) struct Examination {
    system: System,
    shows_values: bool,
    messages: u64,
}

impl Examination {
    pub(crate) fn new(system: System, shows_values: bool) -> Self {
        Self {
            system,
            shows_values,
            messages: 0,
        }
    }

    /// Takes one message into account.
    pub(crate) fn see(&mut self, _message: &Message<'_>) {
        self.messages += 1;
    }

    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }
}
