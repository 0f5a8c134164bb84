//! Tasks that are written and read again, and messages that are none.

mod answers;
mod delivered;
mod hostile;
mod refused;
mod scope;
mod written;
