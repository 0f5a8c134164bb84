//! The headers of a message that is borrowed from librdkafka.
//!
//! librdkafka parses them when they are first asked for, and keeps the result in the message
//! (`rd_kafka_message_headers`) without a lock or an atomic access, behind a `&BorrowedMessage` that is
//! `Sync`. If two threads ask for the first time at once, each parses them, and librdkafka never frees one
//! of the results. Once they are parsed, asking only reads, and so does everything else that this crate
//! asks a message for. So this crate asks for headers under a lock.

use rdkafka::Message;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage};
use std::sync::{Mutex, PoisonError};

/// So many that threads with messages of their own seldom wait for each other.
const LOCKS: usize = 64;

/// What a message takes in librdkafka's memory at least: neighbours have locks of their own.
const APART: usize = 256;

static PARSING: [Mutex<()>; LOCKS] = [const { Mutex::new(()) }; LOCKS];

/// The message's headers. Only threads that ask for the same message, or for one with the same lock,
/// wait. No code of the application runs under the lock.
pub(crate) fn headers<'a>(message: &'a BorrowedMessage<'_>) -> Option<&'a BorrowedHeaders> {
    let lock = &PARSING[message.ptr().addr() / APART % LOCKS];
    let _parsing = lock.lock().unwrap_or_else(PoisonError::into_inner);
    message.headers()
}
